#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make-wheel.sh [--if-changed] [ARCH]: builds the source distribution and, out of it, the Python wheel, both in
# build/wheels; the wheel for another processor, aarch64, in build/wheels-aarch64. One wheel
# serves all CPythons from 3.10 on. It holds the module, the command and ONNX Runtime, links all else but
# glibc statically, and carries the manylinux tag that auditwheel finds right. With --if-changed
# the wheel that is there stays when it is of the same source distribution and was built in the same way.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

if_changed=false
if [[ ${1:-} == --if-changed ]]; then
  if_changed=true
  shift
fi
prepare_packing "$@"
"$root/scripts/make-venv.sh" wheel scripts/requirements-wheel.txt
export PATH=$build_dir/venv-wheel/bin:$PATH
wheels=$build_dir/wheels
unpacked=$build_dir/sdist
linked=("static-$arch")  # of the build folder, what a build looks for in its own
settings=(-Ccmake.define.NESTVEC_STATIC=ON "-Ccmake.define.NESTVEC_LICENCES=$unpacked/build/licences")
if ! $is_cross; then
  # What `make setup` has assembled; otherwise the machine's own, or the caller's.
  [[ -n ${ONNXRUNTIME_ROOT:-} || ! -d $build_dir/onnxruntime ]] || export ONNXRUNTIME_ROOT=$build_dir/onnxruntime
  # By the name that CMake finds for itself; ccache goes by that too.
  export CXX=${CXX:-c++}
else
  wheels=$build_dir/wheels-$arch
  unpacked=$build_dir/sdist-$arch
  linked+=("sysroot-$arch" "onnxruntime-$arch")
  # A cross build finds only what is in the folders that its toolchain file names.
  export ONNXRUNTIME_ROOT=$unpacked/build/onnxruntime-$arch CXX=$arch-linux-gnu-g++
  export _PYTHON_HOST_PLATFORM=linux-$arch  # by which Python's tools name the platform of a wheel
  # nanobind is sources and CMake files: what is here is right for any processor.
  settings+=("-Ccmake.toolchain-file=$unpacked/cmake/$arch-linux-gnu.cmake"
    "-Ccmake.define.nanobind_DIR=$(python -m nanobind --cmake_dir)")
fi
# An unpacked source distribution is as deep below its root as build/release, so that what ccache
# has of the one is right for the other.
command -v ccache >/dev/null && export CMAKE_CXX_COMPILER_LAUNCHER=ccache
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

made=$wheels.new
rm -rf "$made"
mkdir -p "$made/raw"
python -m build --no-isolation --sdist --outdir "$made" . >"$made/sdist.log" 2>&1 ||
  { cat "$made/sdist.log"; die "cannot make the source distribution"; }
sha256sum "$made"/nestvec-*.tar.gz scripts/{requirements-wheel.txt,make-wheel.sh,write_sbom.py} |
  cut -d' ' -f1 >"$made/made-from"
{
  "$CXX" --version
  printf '%s\n' "${ONNXRUNTIME_ROOT:-}"
  for name in "${linked[@]}"; do find "$build_dir/$name/" -maxdepth 1 -name 'made-*' -exec cat {} +; done
} >>"$made/made-from"
if [[ $if_changed == true ]] && cmp -s "$made/made-from" "$wheels/made-from"; then
  rm -rf "$made"
  ls "$wheels"/nestvec-*.whl
  exit 0
fi
rm -rf "$unpacked"
mkdir -p "$unpacked/build"
tar -xzf "$made"/nestvec-*.tar.gz -C "$unpacked" --strip-components=1 --no-same-owner
# Not before: a source distribution without this date is the same at every commit that changes nothing of it.
SOURCE_DATE_EPOCH=$(source_date)
export SOURCE_DATE_EPOCH
for name in "${linked[@]}"; do ln -s "../../$name" "$unpacked/build/$name"; done
write_sbom "$arch" "$made/raw/sbom.json" "$unpacked/build/licences"
python -m build --no-isolation --wheel "${settings[@]}" --outdir "$made/raw" "$unpacked" >"$made/wheel.log" 2>&1 ||
  { cat "$made/wheel.log"; die "cannot make the wheel"; }
auditwheel repair --wheel-dir "$made" "$made"/raw/nestvec-*.whl >"$made/repair.log" 2>&1 ||
  { cat "$made/repair.log"; die "cannot make the wheel fit for other machines"; }
mv "$made/raw/sbom.json" "$(ls "$made"/nestvec-*.whl).spdx.json"
rm -rf "$made/raw"
publish "$made" "$wheels"
ls "$wheels"/nestvec-*.whl
