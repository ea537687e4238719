#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test-aarch64.sh [STEP...]: the tests on emulated processors of aarch64: `programs` (C++, by ctest),
# `processors` (kernels by processor, folders moved between architectures), `e2e`, `server`, `wheel` (the Python
# package in an emulated Debian; needs root); without an argument all. On aarch64 itself `make test` is these tests.
# The last lines are how many ran.
#
# Not run here is what has nothing of the processor in it: rules over the sources, set-up scripts, benchmarks, the
# page in a browser. Nor is what would be true of the emulator: memory under attack, limits of open files, the library
# in the machine's own Python.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

built=$build_dir/aarch64
logs=$build_dir/test-aarch64
mkdir -p "$logs"

# A common server's processor. Its products in fp32 are emulated three times as fast as those in bf16, which
# `programs` and `processors` see.
readonly quick=neoverse-n1

# The tests run a command by its path; these files are the emulator with the program. A test that wants another
# processor sets NESTVEC_EMULATED_CPU. Setting it here would have no effect: tests run commands without the variables
# of their own environment that begin with NESTVEC_.
write_command() { # FILE CPU
  cat >"$built/$1" <<END
#!/bin/sh
exec qemu-aarch64-static -L "$build_dir/sysroot-aarch64" -cpu "\${NESTVEC_EMULATED_CPU:-$2}" \\
  "$built/nestvec" "\$@"
END
  chmod 755 "$built/$1"
}

suite() { # COMMAND NAME ARGUMENT...: of a suite in Python
  NESTVEC_TEST_PATIENCE=10 NESTVEC_BINARY=$built/$1 NESTVEC_NATIVE_BINARY=$build_dir/release/nestvec \
    scripts/pytest.sh test "tests/$2" "${@:3}"
}

run() {
  case $1 in
    programs) ctest --preset aarch64 -j "$(nproc)" ;;
    processors) suite nestvec-emulated aarch64/test_processors.py ;;
    e2e)
      NESTVEC_KILL_ROUNDS=1 suite nestvec-quick e2e --ignore=tests/e2e/test_setup_scripts.py --ignore=tests/e2e/test_watched.py \
        --ignore-glob='tests/e2e/test_bench*.py' --deselect tests/e2e/test_nothing_leaves.py::test_the_users_value_stays \
        --deselect tests/e2e/test_cli_errors.py::test_too_few_open_files_are_no_corrupt_file
      ;;
    server)
      suite nestvec-quick server --ignore=tests/server/test_page.py --ignore-glob='tests/server/test_hostile*.py'
      ;;
    wheel)
      scripts/make-wheel.sh aarch64 && scripts/setup-apt.sh --packages && suite nestvec-emulated aarch64/test_wheel.py -s
      ;;
    *) die "there is no step $1" ;;
  esac
}

steps=("$@")
((${#steps[@]} > 0)) || steps=(programs processors e2e server wheel)
write_command nestvec-emulated max,sve=off
write_command nestvec-quick "$quick"
failed=()
for step in "${steps[@]}"; do
  begin=$SECONDS
  printf '\n== %s\n' "$step"
  run "$step" 2>&1 | tee "$logs/$step" || failed+=("$step")
  printf '%s: %s (%d s)\n' "$step" \
    "$(grep -E '^[0-9]+% tests passed|=.* in [0-9.]+s' "$logs/$step" | tail -n 1)" \
    $((SECONDS - begin)) >"$logs/$step.count"
done
printf '\n== counts\n'
for step in "${steps[@]}"; do cat "$logs/$step.count"; done
((${#failed[@]} == 0)) || die "failed: ${failed[*]}"
