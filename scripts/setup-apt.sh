#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# setup-apt.sh [--tests | --examples | --dist | --packages | --aarch64]: installs the system packages that a build needs,
# and those of the tests, of tests/examples, of a static build, of packages and images with their tests, or of a cross build
# (the compiler, and what runs its programs here; scripts/get-sysroot.sh gets the libraries). Does
# nothing, and needs no network, when they are there. Debian 12 and 13, Ubuntu 24.04.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

packages=(
  cmake ninja-build g++ make ccache                  # build
  libprotobuf-dev protobuf-compiler                  # ONNX files
  libyaml-cpp-dev                                    # config.yaml
  libcurl4-openssl-dev libssl-dev                    # hub downloads, sha256
  libsimdjson-dev                                    # JSON
  libcli11-dev                                       # command line
  zlib1g-dev libzstd-dev                             # compressed requests and corpora
  libboost-dev                                       # HTTP server
  libnghttp2-dev                                     # HTTP/2, gRPC
  libgtest-dev libbenchmark-dev                      # tests, benchmarks
  python3-dev                                        # Python package
  python3-venv python3-pip curl xz-utils ca-certificates
)

if [[ ${1:-} == --tests ]]; then
  packages+=(fonts-dejavu-core fonts-noto-core openssl strace zsh fish)
  # Ubuntu's package of that name installs a snap, which fails in containers; there the tests of the
  # page are skipped.
  grep -qs '^ID=debian' /etc/os-release && packages+=(chromium)
fi

if [[ ${1:-} == --examples ]]; then
  # Debian 12 has no pgvector: there it comes from a wheel.
  pgvector=$(apt-cache pkgnames postgresql- 2>/dev/null | grep -E '^postgresql-[0-9]+-pgvector$' | sort -V | tail -n 1 || true)
  [[ -n $pgvector ]] && packages+=("${pgvector%-pgvector}" "$pgvector")
fi

if [[ ${1:-} == --packages ]]; then
  packages+=(mmdebstrap arch-test qemu-user-static)  # clean systems, also of other processors
  packages+=(dpkg-dev lintian)                       # Debian's packages
  packages+=(buildah crun)                           # images
fi

if [[ ${1:-} == --dist ]]; then
  packages+=(dpkg-dev)
fi

if [[ ${1:-} == --aarch64 ]]; then
  packages+=(g++-aarch64-linux-gnu qemu-user-static)
fi

if ! command -v dpkg-query >/dev/null; then
  say "this is not Debian or Ubuntu: install what corresponds to: ${packages[*]}"
  exit 0
fi

is_installed() {
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
((${#missing[@]} == 0)) && exit 0

# A password can only be asked for on a terminal.
as_root=()
if ((EUID != 0)); then
  as_root=(sudo)
  [[ -t 0 ]] || as_root=(sudo -n)
  command -v sudo >/dev/null && "${as_root[@]}" true 2>/dev/null ||
    die "missing packages; as root, run: apt-get install ${missing[*]}"
fi

say "installing ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq)
# Old package lists may still do.
quietly "${apt[@]}" update || true
quietly "${apt[@]}" install -y --no-install-recommends "${missing[@]}" ||
  die "apt-get could not install: ${missing[*]}; is the network up? ($log)"
