#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make-image.sh [ARCH]: the image of deploy/Dockerfile for x86_64 or aarch64 out of what `make dist` made,
# as build/packages/nestvec-VERSION-linux-ARCH.image.tar.gz, for `docker load` or `podman load`. Built by
# buildah, which needs no daemon. The same commit on the same base gives the same layers.
#
# NESTVEC_IMAGE_BASE       another base than Dockerfile's
# NESTVEC_IMAGE_STORAGE    where buildah keeps images; build/images if not given
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

arch=${1:-$(uname -m)}
version=$(project_version)
package=build/packages/nestvec-$version-linux-$arch
[[ -e $package.tar.gz ]] || die "$package.tar.gz is not there; run make dist${1:+ ARCH=$1}"
case $arch in
  x86_64) platform=linux/amd64 ;;
  aarch64) platform=linux/arm64 ;;
  *) die "no image is made for $arch" ;;
esac

storage=${NESTVEC_IMAGE_STORAGE:-$build_dir/images}
mkdir -p "$storage"
export BUILDAH_ISOLATION=chroot
# vfs copies whole layers and works everywhere.
buildah=(buildah --storage-driver vfs --root "$storage/root" --runroot "$storage/run")
arguments=(
  --platform "$platform" --format docker --timestamp "$(source_date)"
  --build-arg PACKAGE="$package" --build-arg VERSION="$version"
  --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)"
)
[[ -z ${NESTVEC_IMAGE_BASE:-} ]] || arguments+=(--build-arg BASE="$NESTVEC_IMAGE_BASE")
name=nestvec:$version-$arch
say "building the image $name"
quietly "${buildah[@]}" build "${arguments[@]}" -f deploy/Dockerfile -t "$name" . ||
  die "buildah cannot build deploy/Dockerfile ($log)"
make_scratch image
quietly "${buildah[@]}" push "$name" "docker-archive:$scratch/image.tar:$name" ||
  die "buildah cannot write the image ($log)"
gzip -9n "$scratch/image.tar"
mv "$scratch/image.tar.gz" "$package.image.tar.gz"
(cd build/packages && sha256sum "$(basename "$package").image.tar.gz" >"$(basename "$package").image.tar.gz.sha256")
say "$package.image.tar.gz"
