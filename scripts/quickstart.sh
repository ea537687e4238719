#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shows the built command on the small default model: quickstart.sh [TEXT].
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

model=$("$root/scripts/fetch-default-model.sh")
"$build_dir/release/nestvec" quickstart --model "$model" "$@"
cat <<'END'

This was all-MiniLM-L6-v2, small and English. For jina-embeddings-v3 (570 M parameters, many
languages, 1024 dimensions; weights under CC-BY-NC-4.0, so not for commercial use):

  export PATH="$PWD/build/release:$PATH"
  nestvec pull jinaai/jina-embeddings-v3
  nestvec embed -m jina-embeddings-v3 --task retrieval.query "a question"
END
