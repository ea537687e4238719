#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make-deb.sh: build/packages/nestvec_VERSION_ARCH.deb and libnestvec-dev_VERSION_ARCH.deb, with their
# .sha256. The same commit gives the same bytes. Debian's architecture is that of this machine.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

scripts/get-static-libraries.sh
SOURCE_DATE_EPOCH=$(source_date)
export SOURCE_DATE_EPOCH
quietly cmake --preset deb || die "cmake cannot configure build/deb ($log)"
cmake --build build/deb
make_scratch deb
say "packing"
quietly cpack --config build/deb/CPackConfig.cmake -B "$scratch" || die "cpack failed ($log)"
mkdir -p "$build_dir/packages"
for file in "$scratch"/*.deb; do
  (cd "$scratch" && sha256sum "$(basename "$file")" >"$file.sha256")
  mv "$file" "$file.sha256" "$build_dir/packages/"
  write_sbom "$(uname -m)" "build/packages/$(basename "$file" .deb).spdx.json" "$scratch/licences"
  say "build/packages/$(basename "$file")"
done
