#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# get-onnxruntime.sh [--aarch64]: assembles ONNX Runtime in build/onnxruntime (include/, lib/) unless
# the machine has one, or for another machine in build/onnxruntime-aarch64:
# the official release archive where its hash is given and it can be reached, else the shared library
# out of the Python wheel and the headers out of Debian 13's libonnxruntime-dev, both pinned. The
# library is backward compatible, so older headers are right as long as the code asks for the API
# version of its header.
#
# ONNXRUNTIME_ROOT              use this folder (include/, lib/) and assemble nothing
# ONNXRUNTIME_ARCHIVE_URL       another place of the release archive, for machines behind a mirror
# ONNXRUNTIME_ARCHIVE_SHA256    what that archive must be
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

version=1.32.0
target=$build_dir/onnxruntime
machine=$(uname -m)
is_cross=false
if [[ ${1:-} == --aarch64 && $machine != aarch64 ]]; then
  is_cross=true
  machine=aarch64
  target=$build_dir/onnxruntime-aarch64
fi
headers_package=libonnxruntime-dev
headers_version=1.21.0+dfsg-1
# Only headers are taken, and they are the same on every architecture: always amd64's package.
headers_sha256=14f7d959d5deacbcf1504830d4189f91fc67382b399ed9ae9d3aa9c4050ced08

case $machine in
  x86_64)
    archive_arch=x64
    wheel_platform=manylinux_2_28_x86_64
    wheel_sha256=5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d
    ;;
  aarch64)
    archive_arch=aarch64
    wheel_platform=manylinux_2_28_aarch64
    wheel_sha256=2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c
    ;;
  *) die "no ONNX Runtime is published for $machine; build one and set ONNXRUNTIME_ROOT" ;;
esac
archive=onnxruntime-linux-$archive_arch-$version.tgz
archive_url=${ONNXRUNTIME_ARCHIVE_URL:-https://github.com/microsoft/onnxruntime/releases/download/v$version/$archive}

is_installed() {
  local folder
  for folder in /usr/include /usr/local/include; do
    [[ -e $folder/onnxruntime/onnxruntime_cxx_api.h || -e $folder/onnxruntime_cxx_api.h ||
      -e $folder/onnxruntime/core/session/onnxruntime_cxx_api.h ]] || continue
    ldconfig -p 2>/dev/null | grep -q 'libonnxruntime\.so\.1 ' && return 0
  done
  return 1
}

is_complete() {
  [[ -e $1/include/onnxruntime_cxx_api.h && -e $1/lib/libonnxruntime.so ]]
}

# A library says of itself which version it is: the name of its symbol version.
check_library() {
  grep -aq "VERS_$version" "$1/lib/libonnxruntime.so" ||
    die "the ONNX Runtime from $2 is not version $version"
}

link_names() {
  ln -sf "libonnxruntime.so.$version" "$1/lib/libonnxruntime.so.1"
  ln -sf libonnxruntime.so.1 "$1/lib/libonnxruntime.so"
}

from_archive() {
  local file=$scratch/$archive out=$scratch/archive
  curl --fail --location --silent --connect-timeout 5 --speed-limit 1000 --speed-time 30 --retry 1 \
    --output "$file" "$archive_url" || return 1
  verify_sha256 "$file" "$ONNXRUNTIME_ARCHIVE_SHA256"
  mkdir -p "$out"
  tar -xzf "$file" -C "$out" --strip-components=1 || return 1
  # Archives hold lib/ and include/; CMake and pkg-config files are left out on purpose.
  mkdir -p "$out/tree"
  mv "$out/include" "$out/lib" "$out/tree/" || return 1
  find "$out" -maxdepth 1 -type f \( -name 'LICENSE*' -o -name 'ThirdParty*' \) -exec mv {} "$out/tree/" \;
  rm -rf "$out/tree/lib/cmake" "$out/tree/lib/pkgconfig"
  is_complete "$out/tree" || die "$archive_url does not hold the headers and the library"
  check_library "$out/tree" "$archive_url"
  tree=$out/tree
}

unpack_headers() {
  local folder=$scratch/apt
  [[ -n $(debian_mirror) ]] ||
    die "the machine's apt sources name no Debian mirror to take ONNX Runtime's headers from;" \
      "unpack a release of ONNX Runtime and set ONNXRUNTIME_ROOT, or set" \
      "ONNXRUNTIME_ARCHIVE_SHA256 to the hash of its release archive"
  open_apt "$folder" trixie amd64
  mkdir -p "$folder/download"
  (cd "$folder/download" &&
    quietly "${apt[@]}" download "$headers_package=$headers_version") ||
    die "cannot download $headers_package $headers_version from $(debian_mirror) ($log)"
  local package=("$folder"/download/*.deb)
  verify_sha256 "${package[0]}" "$headers_sha256"
  dpkg -x "${package[0]}" "$folder/package"
  mv "$folder/package/usr/include/onnxruntime" "$1/include"
  cp "$folder/package/usr/share/doc/$headers_package/copyright" "$1/COPYRIGHT.headers"
}

from_wheel() {
  local wheels=$scratch/wheels out=$scratch/wheel
  tree=$scratch/tree
  mkdir -p "$wheels" "$out" "$tree/lib"
  # One file for every Python: nothing of it is run, only its shared library is taken.
  pip_download "$wheels" --python-version 3.11 --platform "$wheel_platform" "onnxruntime==$version" ||
    die "cannot download ONNX Runtime $version: neither its release archive nor the Python" \
      "package index can be reached; set ONNXRUNTIME_ROOT to a folder that holds it ($log)"
  local wheel=("$wheels"/*.whl)
  verify_sha256 "${wheel[0]}" "$wheel_sha256"
  python3 -m zipfile -e "${wheel[0]}" "$out"
  mv "$out/onnxruntime/capi/libonnxruntime.so.$version" \
    "$out/onnxruntime/capi/libonnxruntime_providers_shared.so" "$tree/lib/"
  chmod 755 "$tree"/lib/*
  mv "$out/onnxruntime/LICENSE" "$out/onnxruntime/ThirdPartyNotices.txt" "$tree/"
  link_names "$tree"
  unpack_headers "$tree"
  is_complete "$tree" || die "the downloaded ONNX Runtime is not complete"
  check_library "$tree" "the wheel"
}

if [[ -n ${ONNXRUNTIME_ROOT:-} && $is_cross == false ]]; then
  [[ -d $ONNXRUNTIME_ROOT/include && -d $ONNXRUNTIME_ROOT/lib ]] ||
    die "ONNXRUNTIME_ROOT=$ONNXRUNTIME_ROOT has no include/ and lib/"
  exit 0
fi
if is_complete "$target" || { [[ $is_cross == false ]] && is_installed; }; then
  exit 0
fi

make_scratch onnxruntime
say "getting ONNX Runtime $version"
# Nothing is used that was not checked, and the archive's hash is for its user to give.
if [[ -z ${ONNXRUNTIME_ARCHIVE_SHA256:-} ]]; then
  from_wheel
elif ! from_archive; then
  say "the release archive cannot be reached; taking the Python wheel and Debian's headers"
  from_wheel
fi
publish "$tree" "$target"
say "ONNX Runtime $version is in $target"
