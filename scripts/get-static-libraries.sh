#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# get-static-libraries.sh [--aarch64]: builds the static libraries that packages link and that the distribution
# does not have in a fit form: curl with HTTP and TLS alone (the distribution's needs twenty libraries
# more), simdjson, and protobuf and yaml-cpp as position-independent code, for libnestvec.so. Their
# sources are the distribution's own, with its patches, by the package lists of this machine. They lie
# in build/static-x86_64 (include/, lib/, and doc/ with their licences and versions), or -aarch64.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

arch=$(uname -m)
options=()
is_cross=false
if [[ ${1:-} == --aarch64 && $arch != aarch64 ]]; then
  is_cross=true
  arch=aarch64
  options+=("-DCMAKE_TOOLCHAIN_FILE=$root/cmake/aarch64-linux-gnu.cmake")
fi
target=$build_dir/static-$arch
# What it was built by: a changed script builds again.
made_from=$(sha256sum "${BASH_SOURCE[0]}" | cut -d' ' -f1)
[[ $(cat "$target/made-from" 2>/dev/null) == "$made_from" ]] && exit 0

make_scratch static
tree=$scratch/tree
mkdir -p "$tree/doc"
# The cache sees paths in this clone as relative ones, so that all clones share what it holds.
if command -v ccache >/dev/null; then
  export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
  options+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi

# Sets the array `apt`: the machine's own sources of packages, in either format, asked for sources.
read_sources() {
  local file
  mkdir -p "$scratch/apt"/{parts,lists/partial}
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
    [[ ! -f $file ]] ||
      sed -E -e 's/^Types:.*/Types: deb-src/' -e 's/^deb[[:space:]]/deb-src /' "$file" \
        >"$scratch/apt/parts/$(basename "$file")"
  done
  apt=(
    apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$scratch/apt/parts"
    -o Dir::State::Lists="$scratch/apt/lists" -o APT::Sandbox::User="$(id -un)"
    -o Acquire::Languages=none
  )
  quietly "${apt[@]}" update ||
    die "cannot read the package lists of this machine's sources ($log)"
}

# unpack NAME: the patched source in $scratch/NAME.
unpack() {
  mkdir -p "$scratch/sources"
  (cd "$scratch/sources" && quietly "${apt[@]}" source "$1") ||
    die "cannot download the source of $1 as the distribution has it; is the network up? ($log)"
  mv "$scratch/sources/$1"-*/ "$scratch/$1"
  sed -nE 's/^Version: *//p' "$scratch/sources/$1"_*.dsc | head -n 1 >"$tree/doc/$1.version"
  cp "$scratch/$1/debian/copyright" "$tree/doc/$1.copyright"
}

# compile NAME OPTION...
compile() {
  local name=$1
  # A file has one name, whether the compiler's cache made its path relative or not.
  local flags="-ffile-prefix-map=$scratch=. -ffile-prefix-map=..=./$name"
  shift
  quietly cmake -S "$scratch/$name" -B "$scratch/$name/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX="$tree" -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF \
    -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    "-DCMAKE_C_FLAGS=$flags" "-DCMAKE_CXX_FLAGS=$flags" \
    "${options[@]}" "$@" &&
    quietly cmake --build "$scratch/$name/build" &&
    quietly cmake --install "$scratch/$name/build" ||
    die "cannot build $name for $arch ($log)"
}

say "building curl, protobuf, simdjson and yaml-cpp as static libraries for $arch"
if $is_cross; then
  open_apt "$scratch/apt" bookworm arm64 deb-src  # as the sysroot is
else
  read_sources
fi
unpack simdjson
compile simdjson -DSIMDJSON_DEVELOPER_MODE=OFF
unpack yaml-cpp
compile yaml-cpp -DYAML_CPP_BUILD_TESTS=OFF -DYAML_CPP_BUILD_TOOLS=OFF
unpack protobuf
compile protobuf -Dprotobuf_BUILD_TESTS=OFF -Dprotobuf_BUILD_PROTOC_BINARIES=OFF -Dprotobuf_WITH_ZLIB=OFF
unpack curl
# Where certificates lie differs between distributions: src/hub finds them when it runs.
compile curl -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF -DHTTP_ONLY=ON -DCURL_USE_OPENSSL=ON \
  -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none -DCURL_ZLIB=OFF -DCURL_USE_LIBSSH2=OFF \
  -DCURL_USE_LIBPSL=OFF -DUSE_LIBIDN2=OFF -DUSE_NGHTTP2=OFF -DENABLE_MANUAL=OFF \
  -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF
rm -rf "$tree/bin" "$tree/share" "$tree/lib/cmake" "$tree/lib/pkgconfig"
printf '%s\n' "$made_from" >"$tree/made-from"
publish "$tree" "$target"
say "they are in $target"
