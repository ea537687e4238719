#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# get-sysroot.sh [ARCHITECTURE]: what a cross build links, in build/sysroot-ARCHITECTURE: Debian 12's
# C library, compiler library and the development packages of a build, for another processor. Today
# aarch64. Nothing is installed and nothing of it is run; does nothing when it is there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

suite=bookworm
architecture=${1:-aarch64}
case $architecture in
  aarch64) debian=arm64 ;;
  *) die "no sysroot is known for $architecture" ;;
esac
target=$build_dir/sysroot-$architecture

packages=(
  libc6-dev libgcc-12-dev libstdc++-12-dev           # what each program needs
  libprotobuf-dev libyaml-cpp-dev libsimdjson-dev    # the library
  libcurl4-openssl-dev libssl-dev libnghttp2-dev     # the command
  zlib1g-dev libzstd-dev libboost-dev libcli11-dev
  libgtest-dev libbenchmark-dev                      # tests, benchmarks
  libpython3-dev                                     # the Python module
)
# The list is part of the folder, so that a longer one makes a new folder.
made_of="$suite ${packages[*]} cpuinfo"
[[ $(cat "$target/made-of" 2>/dev/null) != "$made_of" ]] || exit 0

# Links that name a place from the root on would leave the sysroot.
keep_links_inside() {
  local link to
  find "$1" -lname '/*' -print0 | while IFS= read -r -d '' link; do
    to=$(readlink "$link")
    ln -sfnr "$1$to" "$link"
  done
}

make_scratch sysroot
say "getting libraries of Debian's $suite for $architecture"
open_apt "$scratch/apt" "$suite" "$debian"
tree=$scratch/tree
unpack_packages "$scratch/apt" "$tree" "${packages[@]}"
keep_links_inside "$tree"
# Programs of another processor, and pages that nobody reads here.
find "$tree"/usr/share -mindepth 1 -maxdepth 1 \
  ! -name cmake ! -name cmake-3.25 ! -name doc ! -name pkgconfig ! -name python3 -exec rm -rf {} +
find "$tree"/usr/share/doc -type f ! -name copyright -delete
rm -rf "$tree"/usr/bin/* "$tree"/usr/sbin/* "$tree"/{etc,var}
# An emulator shows the programs that it runs the files of this folder before the machine's. ONNX Runtime reads
# /proc/cpuinfo as it is loaded, and crashes where it tells of another architecture.
mkdir "$tree/proc"
cp "$root/scripts/cpuinfo-$architecture" "$tree/proc/cpuinfo"
printf '%s\n' "$made_of" >"$tree/made-of"
publish "$tree" "$target"
say "the libraries for $architecture are in $target"
