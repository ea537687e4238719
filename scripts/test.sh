#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every test: rules, sanitizers, the release's own, and the suites in Python, two at a time. The output
# of each step lies in build/test/NAME.log; that of the suites is shown once they have ended. The last
# lines are the minutes of each step and the summaries.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

jobs=$(nproc)
logs=$build_dir/test
mkdir -p "$logs"
rm -f "$logs"/*

# step NAME COMMAND...: runs it, shows it, and notes how long it took.
step() {
  local name=$1 begin=$SECONDS failed=0
  shift
  printf '\n== %s (%s)\n' "$name" "$(clock "$SECONDS")"
  "$@" || failed=$?
  note "$name" "$begin" "$failed"
  return "$failed"
}

# quiet_step NAME COMMAND...: the same beside others: nothing is shown before it has ended.
quiet_step() {
  local name=$1 begin=$SECONDS failed=0
  shift
  "$@" >"$logs/$name.log" 2>&1 || failed=$?
  note "$name" "$begin" "$failed"
  (
    flock 9
    printf '\n== %s (%s to %s)\n' "$name" "$(clock "$begin")" "$(clock "$SECONDS")"
    cat "$logs/$name.log"
  ) 9>"$logs/lock"
}

note() {
  printf '%s %s %s\n' "$(clock $((SECONDS - $2)))" "$1" "$( (($3 == 0)) && echo passed || echo FAILED)" \
    >>"$logs/steps"
}

clock() { printf '%dm%02ds' $(($1 / 60)) $(($1 % 60)); }

build() {
  cmake --preset "$1" >"$logs/configure-$1.log" || { cat "$logs/configure-$1.log"; return 1; }
  cmake --build --preset "$1"
}

python_suites() {
  quiet_step end-to-end scripts/pytest.sh test tests/e2e
  quiet_step python scripts/test-python.sh
  quiet_step ray-and-spark env NESTVEC_WHEEL="$(ls "$build_dir"/wheels/nestvec-*.whl)" scripts/test-scaleout.sh
}

server_suites() {
  quiet_step server scripts/pytest.sh test tests/server
  quiet_step clients scripts/pytest.sh clients tests/clients --ignore=tests/clients/test_schemathesis.py
  quiet_step schemathesis scripts/pytest.sh schemathesis tests/clients/test_schemathesis.py
  local requirements sdk
  for requirements in tests/clarifai/requirements-*.txt; do
    sdk=$(basename "${requirements#*requirements-}" .txt)
    quiet_step "clarifai-$sdk" scripts/pytest.sh "clarifai-$sdk" tests/clarifai
  done
  quiet_step deploy scripts/pytest.sh deploy tests/deploy
}

scripts/fetch-default-model.sh >/dev/null
step rules scripts/lint.sh --quick
step release-build build release
for sanitizer in asan tsan; do
  step "$sanitizer-build" build "$sanitizer"
  step "$sanitizer" ctest --preset "$sanitizer" -j "$jobs"
done
# From here on a failure does not hide the others.
step release ctest --preset release -j "$jobs" || true
python_suites &
server_suites
wait

printf '\n== minutes\n'
cat "$logs/steps"
if grep -q FAILED "$logs/steps"; then exit 1; fi
