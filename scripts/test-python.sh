#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test-python.sh ARGUMENT...: builds the wheel, installs it into a fresh environment with nothing but
# what it asks for, and beside the libraries that it has adapters for, and runs tests/python there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

scripts/make-wheel.sh --if-changed
wheel=("$build_dir"/wheels/nestvec-*.whl)

# What the wheel asks for, as files, so that the fresh environment needs no network.
wanted=tests/python/requirements-runtime.txt
if ! cmp -s "$wanted" "$build_dir/wheelhouse/$(basename "$wanted")"; then
  make_scratch wheelhouse
  pip_download "$scratch" --require-hashes -r "$wanted" ||
    die "cannot download what $wanted names; is the network up? ($log)"
  cp "$wanted" "$scratch/"
  publish "$scratch" "$build_dir/wheelhouse"
  rm -rf "$build_dir/venv-fresh"
fi
if ! has_wheel "$build_dir/venv-fresh" "${wheel[0]}"; then
  rm -rf "$build_dir/venv-fresh"
  make_venv "$build_dir/venv-fresh"
  install_wheel "$build_dir/venv-fresh" "${wheel[0]}" --find-links "$build_dir/wheelhouse" ||
    die "the wheel cannot be installed into a fresh environment ($log)"
fi

scripts/make-venv.sh python tests/python/requirements.txt
if ! has_wheel "$build_dir/venv-python" "${wheel[0]}"; then
  install_wheel "$build_dir/venv-python" "${wheel[0]}" --no-deps --force-reinstall &&
    quietly "$build_dir/venv-python/bin/pip" check || {
      rm -f "$build_dir/venv-python/wheel.installed"
      die "the wheel does not fit what it is installed beside ($log)"
    }
fi
exec scripts/pytest.sh python tests/python --timeout 1200 "$@"
