#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make-image.sh [ARCH...]: the image of deploy/Dockerfile for x86_64 or aarch64 out of what `make dist` made,
# as build/packages/nestvec-VERSION-linux-ARCH.image.tar.gz, for `docker load` or `podman load`. Built by
# buildah, which needs no daemon. The same commit on the same base gives the same layers. With several
# architectures also the one name for all of them, as an archive of OCI's format (nestvec-VERSION-linux.oci.tar)
# and in buildah's storage, from where `buildah manifest push --all` brings it to a registry.
#
# NESTVEC_IMAGE_BASE       another base than Dockerfile's
# NESTVEC_IMAGE_STORAGE    where buildah keeps images; build/images if not given
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

archs=("$@")
((${#archs[@]} > 0)) || archs=("$(uname -m)")
version=$(project_version)
base=${NESTVEC_IMAGE_BASE:-docker.io/library/$(sed -nE 's/^ARG BASE=//p' deploy/Dockerfile)}
storage=${NESTVEC_IMAGE_STORAGE:-$build_dir/images}
mkdir -p "$storage"
export BUILDAH_ISOLATION=chroot
# vfs copies whole layers and works everywhere.
buildah=(buildah --storage-driver vfs --root "$storage/root" --runroot "$storage/run")
make_scratch image

# checksum FILE: beside it.
checksum() {
  (cd "$(dirname "$1")" && sha256sum "$(basename "$1")" >"$(basename "$1").sha256")
}

# Prints the identity of the base for this machine's processor, with which the first stage runs.
base_to_run() {
  local container
  container=$("${buildah[@]}" from "$base" 2>>"$log") || die "buildah cannot get the base $base ($log)"
  "${buildah[@]}" inspect --format '{{.FromImageID}}' "$container"
  quietly "${buildah[@]}" rm "$container"
}

make_image() { # ARCH
  local arch=$1 platform name package=build/packages/nestvec-$version-linux-$1
  [[ -e $package.tar.gz ]] || die "$package.tar.gz is not there; run make dist ARCH=$arch"
  case $arch in
    x86_64) platform=linux/amd64 ;;
    aarch64) platform=linux/arm64 ;;
    *) die "no image is made for $arch" ;;
  esac
  local arguments=(
    --platform "$platform" --format docker --timestamp "$(source_date)"
    --build-arg PACKAGE="$package" --build-arg VERSION="$version"
    --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)"
  )
  # buildah 1.28 makes all stages of the processor of one that names its own, and then says nothing of it. So
  # none does, and the first stage has a base by identity.
  arguments+=(--build-arg BASE="$base" --build-arg FILES_BASE="$(base_to_run)"
    --build-arg BUILDPLATFORM="$platform")
  name=nestvec:$version-$arch
  say "building the image $name"
  quietly "${buildah[@]}" build "${arguments[@]}" -f deploy/Dockerfile -t "$name" . ||
    die "buildah cannot build deploy/Dockerfile ($log)"
  quietly "${buildah[@]}" push "$name" "docker-archive:$scratch/$arch.tar:$name" ||
    die "buildah cannot write the image ($log)"
  gzip -9n "$scratch/$arch.tar"
  mv "$scratch/$arch.tar.gz" "$package.image.tar.gz"
  checksum "$package.image.tar.gz"
  say "$package.image.tar.gz"
}

# One name from which each machine gets the image of its processor.
join_images() {
  local name=nestvec:$version arch archive=build/packages/nestvec-$version-linux.oci.tar
  quietly "${buildah[@]}" manifest rm "$name" || true  # of an earlier run
  quietly "${buildah[@]}" manifest create "$name" || die "buildah cannot make a list of images ($log)"
  for arch in "${archs[@]}"; do
    quietly "${buildah[@]}" manifest add "$name" "localhost/nestvec:$version-$arch" ||
      die "buildah cannot add nestvec:$version-$arch to a list of images ($log)"
  done
  quietly "${buildah[@]}" manifest push --all "$name" "oci-archive:$scratch/all.tar:$name" ||
    die "buildah cannot write the list of images ($log)"
  mv "$scratch/all.tar" "$archive"
  checksum "$archive"
  say "$archive"
}

for arch in "${archs[@]}"; do make_image "$arch"; done
((${#archs[@]} == 1)) || join_images
