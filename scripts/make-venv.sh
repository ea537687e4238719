#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make-venv.sh NAME REQUIREMENTS: a Python environment build/venv-NAME with exactly what the file
# pins by hash. Does nothing, and needs no network, when it is there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

venv=$build_dir/venv-$1
requirements=$2
if cmp -s "$requirements" "$venv/requirements.installed"; then
  exit 0
fi
say "making the Python environment build/venv-$1"
rm -rf "$venv"
make_venv "$venv"
quietly "$venv/bin/pip" --disable-pip-version-check --retries 5 install --require-hashes --no-deps \
  --only-binary=:all: -r "$requirements" ||
  die "cannot install what $requirements names; is the network up? ($log)"
cp "$requirements" "$venv/requirements.installed"
