#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test-python.sh ARGUMENT...: builds the wheel, installs it into a fresh environment with nothing but
# what it asks for, and beside the libraries that it has adapters for, and runs tests/python there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

scripts/make-wheel.sh
wheel=("$build_dir"/wheels/nestvec-*.whl)

# What the wheel asks for, as files, so that the fresh environment needs no network.
wanted=tests/python/requirements-runtime.txt
if ! cmp -s "$wanted" "$build_dir/wheelhouse/$(basename "$wanted")"; then
  make_scratch wheelhouse
  pip_download "$scratch" --require-hashes -r "$wanted" ||
    die "cannot download what $wanted names; is the network up? ($log)"
  cp "$wanted" "$scratch/"
  publish "$scratch" "$build_dir/wheelhouse"
fi
rm -rf "$build_dir/venv-fresh"
make_venv "$build_dir/venv-fresh"
quietly "$build_dir/venv-fresh/bin/pip" install --no-index --find-links "$build_dir/wheelhouse" "${wheel[0]}" ||
  die "the wheel cannot be installed into a fresh environment ($log)"

scripts/make-venv.sh python tests/python/requirements.txt
quietly "$build_dir/venv-python/bin/pip" install --no-index --no-deps --force-reinstall "${wheel[0]}"
"$build_dir/venv-python/bin/pip" check >>"$log" || die "the wheel does not fit what it is installed beside ($log)"
exec scripts/pytest.sh python tests/python --timeout 1200 "$@"
