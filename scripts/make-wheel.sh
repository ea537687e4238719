#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make-wheel.sh [--if-changed]: builds the source distribution and, out of it, the Python wheel, both in
# build/wheels. The wheel is one for all CPythons from 3.10 on, holds the shared libraries that it
# needs, and carries the manylinux tag that auditwheel finds right. With --if-changed the wheel that is
# there stays when it is of the same source distribution and was built in the same way.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

"$root/scripts/make-venv.sh" wheel scripts/requirements-wheel.txt
export PATH=$build_dir/venv-wheel/bin:$PATH
# What `make setup` has assembled; otherwise the machine's own, or the caller's.
[[ -n ${ONNXRUNTIME_ROOT:-} || ! -d $build_dir/onnxruntime ]] || export ONNXRUNTIME_ROOT=$build_dir/onnxruntime
command -v ccache >/dev/null && export CMAKE_CXX_COMPILER_LAUNCHER=ccache
# An unpacked source distribution is as deep below its root as build/release, so that what ccache
# has of the one is right for the other.
# By the name that CMake finds for itself; ccache goes by that too.
export CXX=${CXX:-c++}
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

wheels=$build_dir/wheels
made=$build_dir/wheels.new
rm -rf "$made"
mkdir -p "$made/raw"
python -m build --no-isolation --sdist --outdir "$made" . >"$made/sdist.log" 2>&1 ||
  { cat "$made/sdist.log"; die "cannot make the source distribution"; }
sha256sum "$made"/nestvec-*.tar.gz scripts/requirements-wheel.txt scripts/make-wheel.sh | cut -d' ' -f1 >"$made/made-from"
"$CXX" --version >>"$made/made-from"
printf '%s\n' "${ONNXRUNTIME_ROOT:-}" >>"$made/made-from"
if [[ ${1:-} == --if-changed ]] && cmp -s "$made/made-from" "$wheels/made-from"; then
  rm -rf "$made"
  ls "$wheels"/nestvec-*.whl
  exit 0
fi
rm -rf "$build_dir/sdist"
mkdir "$build_dir/sdist"
tar -xzf "$made"/nestvec-*.tar.gz -C "$build_dir/sdist" --strip-components=1 --no-same-owner
python -m build --no-isolation --wheel --outdir "$made/raw" "$build_dir/sdist" >"$made/wheel.log" 2>&1 ||
  { cat "$made/wheel.log"; die "cannot make the wheel"; }
auditwheel repair --wheel-dir "$made" "$made"/raw/nestvec-*.whl >"$made/repair.log" 2>&1 ||
  { cat "$made/repair.log"; die "cannot make the wheel fit for other machines"; }
rm -rf "$made/raw"
publish "$made" "$wheels"
ls "$wheels"/nestvec-*.whl
