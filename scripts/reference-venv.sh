#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the virtual environment with the reference libraries that goldens are made with.
#   scripts/reference-venv.sh          build/venv-reference: PyTorch, transformers, ... (6 GB)
#   scripts/reference-venv.sh --light  build/venv-light: numpy, safetensors, tokenizers, sentencepiece, protobuf
# Does nothing when it is there with the pinned versions. Prints the path of its python.
set -euo pipefail
cd "$(dirname "$0")/.."

# PyPI's PyTorch loads its GPU libraries even to compute on a CPU, so they come with it.
venv=build/venv-reference
requirements=scripts/goldens/requirements.txt
if [[ ${1:-} == --light ]]; then
  venv=build/venv-light
  requirements=scripts/goldens/requirements-light.txt
elif [[ $# -gt 0 ]]; then
  echo "usage: $0 [--light]" >&2
  exit 2
fi

pins=$(cat scripts/goldens/requirements-light.txt "$requirements" | sha256sum | cut -d' ' -f1)
if [[ -x $venv/bin/python && $(cat "$venv/pins" 2>/dev/null) == "$pins" ]]; then
  echo "$PWD/$venv/bin/python"
  exit 0
fi
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
  echo "reference-venv: python3 with its venv module is missing (Debian: apt-get install python3-venv)" >&2
  exit 1
fi
[[ -x $venv/bin/pip ]] || python3 -m venv "$venv"
if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" >&2; then
  echo "reference-venv: could not install $requirements; is the package index within reach?" >&2
  exit 1
fi
echo "$pins" > "$venv/pins"
echo "$PWD/$venv/bin/python"
