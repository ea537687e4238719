#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make-deb.sh [ARCH]: build/packages/nestvec_VERSION_DEBIANARCH.deb and libnestvec-dev_VERSION_DEBIANARCH.deb, for
# this machine's processor or for aarch64, with their .sha256 and .spdx.json. The same commit gives the same
# bytes.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

prepare_packing "$@"
preset=deb
! $is_cross || preset=deb-$arch
SOURCE_DATE_EPOCH=$(source_date)
export SOURCE_DATE_EPOCH
quietly cmake --preset "$preset" || die "cmake cannot configure build/$preset ($log)"
cmake --build "build/$preset"
make_scratch deb
say "packing"
quietly cpack --config "build/$preset/CPackConfig.cmake" -B "$scratch" || die "cpack failed ($log)"
mkdir -p "$build_dir/packages"
for file in "$scratch"/*.deb; do
  (cd "$scratch" && sha256sum "$(basename "$file")" >"$file.sha256")
  mv "$file" "$file.sha256" "$build_dir/packages/"
  write_sbom "$arch" "build/packages/$(basename "$file" .deb).spdx.json" "$scratch/licences"
  say "build/packages/$(basename "$file")"
done
