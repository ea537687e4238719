#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check-space.sh GB: ends with an error where the disk has no room for a build folder of so many GB, so that a run of an
# hour does not fail in its middle.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

mkdir -p "$build_dir"
free=$(df --output=avail -B 1000000 "$build_dir" | tail -n 1)
used=$(du -s -B 1000000 "$build_dir" | cut -f 1)
((free + used >= $1 * 1000)) ||
  die "$build_dir may grow to $1 GB: it has $((used / 1000)), and $((free / 1000)) are free. Free some, or move the clone"
