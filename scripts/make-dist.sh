#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make-dist.sh [ARCH]: build/packages/nestvec-VERSION-linux-ARCH.tar.gz, for this machine's processor or for
# aarch64, with its .sha256 and its .spdx.json, which lists what is inside. One folder that runs
# wherever it lies: bin/, lib/, include/, share/. The same commit, libraries and compiler give the same
# bytes.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

prepare_packing "$@"
preset=dist
strip=strip
if $is_cross; then
  preset=dist-$arch
  strip=$arch-linux-gnu-strip
fi

SOURCE_DATE_EPOCH=$(source_date)
export SOURCE_DATE_EPOCH
quietly cmake --preset "$preset" || die "cmake cannot configure build/$preset ($log)"
cmake --build "build/$preset"

version=$(project_version)
name=nestvec-$version-linux-$arch
make_scratch dist
tree=$scratch/$name
quietly cmake --install "build/$preset" --prefix "$tree" || die "cmake cannot install ($log)"
"$strip" "$tree/bin/nestvec" "$tree"/lib/libnestvec.so.*.*.*
write_sbom "$arch" "$scratch/$name.spdx.json" "$tree/share/doc/nestvec/licenses"
cp "$scratch/$name.spdx.json" "$tree/share/doc/nestvec/sbom.spdx.json"

# Of one owner, in one order and of one time.
chmod -R u=rwX,go=rX "$tree"
tar --create --directory "$scratch" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 \
  --numeric-owner --format=gnu "$name" | gzip -9n >"$scratch/$name.tar.gz"
(cd "$scratch" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
mkdir -p build/packages
mv "$scratch/$name.tar.gz" "$scratch/$name.tar.gz.sha256" "$scratch/$name.spdx.json" build/packages/
say "build/packages/$name.tar.gz, $(du -h --apparent-size "build/packages/$name.tar.gz" | cut -f1)"
