#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test-scaleout.sh ARGUMENT...: tests/scaleout with the wheel that NESTVEC_WHEEL names, else one built
# here, beside Ray and Spark. Without Java the tests of Spark are skipped.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

if [[ -z ${NESTVEC_WHEEL:-} ]]; then
  scripts/make-wheel.sh --if-changed
  NESTVEC_WHEEL=$(ls "$build_dir"/wheels/nestvec-*.whl)
fi
# Several of these may run at once: the first of them makes the environment.
exec {lock}>"$build_dir/venv-scaleout.lock"
flock "$lock"
scripts/make-venv.sh scaleout tests/scaleout/requirements.txt
has_wheel "$build_dir/venv-scaleout" "$NESTVEC_WHEEL" ||
  install_wheel "$build_dir/venv-scaleout" "$NESTVEC_WHEEL" --no-deps --force-reinstall ||
  die "the wheel cannot be installed beside Ray and Spark ($log)"
exec {lock}>&-
exec scripts/pytest.sh scaleout tests/scaleout "$@"
