# SPDX-License-Identifier: Apache-2.0
# What the set-up scripts share; sourced, never run. Bash with `set -euo pipefail`.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build_dir=$root/build

say() { printf 'nestvec: %s\n' "$*" >&2; }

die() {
  printf 'nestvec: error: %s\n' "$*" >&2
  exit 1
}

# quietly COMMAND...: keeps what it prints in build/setup.log; on failure the caller's one line says
# what is missing.
log=$build_dir/setup.log
quietly() {
  mkdir -p "$build_dir"
  "$@" >>"$log" 2>&1
}

# Every C++ file. Not asked of git, which may be missing or refuse the clone of another user.
sources() {
  (cd "$root" && find bench examples fuzz include python src tests -name '*.cc' -o -name '*.h')
}

# verify_sha256 FILE HASH: ends the script when FILE is not what was pinned.
verify_sha256() {
  local actual
  actual=$(sha256sum "$1" | cut -d' ' -f1)
  [[ $actual == "$2" ]] || die "$(basename "$1") has sha256 $actual, expected $2; it was not used"
}

# make_scratch NAME: sets $scratch to an empty folder in the build folder, removed on exit.
make_scratch() {
  mkdir -p "$build_dir"
  scratch=$(mktemp -d "$build_dir/tmp-$1-XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
}

# publish FOLDER TARGET: gives a finished folder its name, so that TARGET is whole or absent.
publish() {
  mkdir -p "$(dirname "$2")"
  rm -rf "$2.old"
  [[ ! -e $2 ]] || mv "$2" "$2.old"
  mv "$1" "$2"
  rm -rf "$2.old"
}

# pip_download FOLDER ARGUMENT...: one wheel by name and version, nothing installed.
pip_download() {
  local folder=$1
  shift
  local pip=$build_dir/venv-download/bin/pip
  [[ -x $pip ]] || make_venv "$build_dir/venv-download"
  quietly "$pip" --disable-pip-version-check --retries 5 download --no-deps --only-binary=:all: \
    --dest "$folder" "$@"
}

make_venv() {
  quietly python3 -m venv "$1" || die "cannot make a Python environment; install python3-venv ($log)"
}

# has_wheel VENV WHEEL: whether install_wheel has put this very wheel there.
has_wheel() {
  sha256sum "$2" | cut -d' ' -f1 | cmp -s - "$1/wheel.installed"
}

# install_wheel VENV WHEEL ARGUMENT...
install_wheel() {
  rm -f "$1/wheel.installed"
  quietly "$1/bin/pip" install --no-index "${@:3}" "$2" || return 1
  sha256sum "$2" | cut -d' ' -f1 >"$1/wheel.installed"
}

# source_date: the time that packages carry, in seconds: that of the commit, or of CHANGELOG.md where
# there is no repository.
source_date() {
  printf '%s\n' "${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null ||
    stat -c %Y "$root/CHANGELOG.md")}"
}

project_version() {
  sed -nE 's/^project\(nestvec VERSION ([0-9.]+).*/\1/p' "$root/CMakeLists.txt"
}

# prepare_packing [ARCH]: gets what a package is built with, for that processor or this machine's own. Sets
# $arch and $is_cross.
prepare_packing() {
  local machine cross=()
  machine=$(uname -m)
  arch=${1:-$machine}
  is_cross=false
  "$root/scripts/setup-apt.sh" --dist
  if [[ $arch != "$machine" ]]; then
    [[ $arch == aarch64 ]] || die "no cross build is known for $arch; there is one for aarch64"
    is_cross=true
    cross=(--aarch64)
    "$root/scripts/setup-apt.sh" --aarch64
    "$root/scripts/get-sysroot.sh" aarch64
    "$root/scripts/get-onnxruntime.sh" --aarch64
  fi
  "$root/scripts/get-static-libraries.sh" "${cross[@]}"
}

# write_sbom ARCH FILE LICENCES: what a package for ARCH holds, as an SPDX document, and its licences in a
# folder.
write_sbom() {
  local sysroot=/ onnxruntime=$build_dir/onnxruntime
  if [[ $1 != "$(uname -m)" ]]; then
    sysroot=$build_dir/sysroot-$1
    onnxruntime=$build_dir/onnxruntime-$1
  fi
  python3 "$root/scripts/write_sbom.py" --version "$(project_version)" --arch "$1" \
    --date "$(source_date)" --static "$build_dir/static-$1" --root "$sysroot" \
    --onnxruntime "${ONNXRUNTIME_ROOT:-$onnxruntime}" --licences "$3" --output "$2"
}
