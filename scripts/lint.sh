#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# lint.sh [--quick|--tidy|--format]: rules over the sources and clang-format; clang-tidy; without an
# argument both. --format formats instead. clang-tidy needs a configured build/dev, where
# each source is compiled by itself.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

clang_format=$build_dir/venv-tools/bin/clang-format
if [[ ${1:-} == --format ]]; then
  sources | xargs "$clang_format" -i
  exit 0
fi
if [[ ${1:-} != --tidy ]]; then
  python3 scripts/check_layers.py
  python3 scripts/check_sources.py
  python3 scripts/check_keys.py
  sources | xargs "$clang_format" --dry-run --Werror
fi
if [[ ${1:-} != --quick ]]; then
  python3 scripts/run_tidy.py --build "$build_dir/dev" \
    --clang-tidy "$build_dir/venv-tools/bin/clang-tidy"
fi
