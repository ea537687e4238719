#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every test, cheapest first. The last lines are ctest's summary of the release build and those of pytest.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

jobs=$(nproc)
step() { printf '\n== %s (%dm%02ds)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)); }

scripts/fetch-default-model.sh >/dev/null

step "rules and format"
scripts/lint.sh --quick

step "release build"
cmake --preset release >"$build_dir/configure.log" || { cat "$build_dir/configure.log"; exit 1; }
cmake --build --preset release

for sanitizer in asan tsan; do
  step "$sanitizer build"
  cmake --preset "$sanitizer" >"$build_dir/configure.log" || { cat "$build_dir/configure.log"; exit 1; }
  cmake --build --preset "$sanitizer"
  step "$sanitizer tests"
  ctest --preset "$sanitizer" -j "$jobs"
done

step "release tests"
failed=0
ctest --preset release -j "$jobs" || failed=1
step "end-to-end tests"
scripts/pytest.sh test tests/e2e || failed=1
step "server tests"
scripts/pytest.sh test tests/server || failed=1
step "clients"
scripts/pytest.sh clients tests/clients --ignore=tests/clients/test_schemathesis.py || failed=1
step "the server against its description"
scripts/pytest.sh schemathesis tests/clients/test_schemathesis.py || failed=1
for requirements in tests/clarifai/requirements-*.txt; do
  sdk=$(basename "${requirements#*requirements-}" .txt)
  step "Clarifai's SDK $sdk"
  scripts/pytest.sh "clarifai-$sdk" tests/clarifai || failed=1
done
step "Python package"
scripts/test-python.sh || failed=1
step "Ray and Spark"
NESTVEC_WHEEL=$(ls "$build_dir"/wheels/nestvec-*.whl) scripts/test-scaleout.sh || failed=1
step "deployment files"
scripts/pytest.sh deploy tests/deploy || failed=1
exit $failed
