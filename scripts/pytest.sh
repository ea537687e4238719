#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# pytest.sh NAME ARGUMENT...: pytest of build/venv-NAME with the command of the release build, or that
# of NESTVEC_BINARY.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

export NESTVEC_BINARY=${NESTVEC_BINARY:-$build_dir/release/nestvec} PYTHONDONTWRITEBYTECODE=1
exec "$build_dir/venv-$1/bin/python" -m pytest -p no:cacheprovider "${@:2}"
