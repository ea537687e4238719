#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every test: rules, sanitizers, the release's own, and the suites in Python. The last lines are the
# minutes of each step.
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

note() {
  printf '%s %s %s\n' "$(clock $((SECONDS - $2)))" "$1" "$( (($3 == 0)) && echo passed || echo FAILED)" \
    >>"$logs/steps"
}

clock() { printf '%dm%02ds' $(($1 / 60)) $(($1 % 60)); }

build() {
  cmake --preset "$1" >"$logs/configure-$1.log" || { cat "$logs/configure-$1.log"; return 1; }
  cmake --build --preset "$1"
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
step suites scripts/test-suites.sh || true

printf '\n== minutes\n'
cat "$logs/steps"
if grep -q FAILED "$logs/steps"; then exit 1; fi
