#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# with-pkg-config.sh CXX FOLDER SCRATCH MODEL: the ten-line program of a user, built by what the
# nestvec.pc in FOLDER says, and run.
set -euo pipefail
command -v pkg-config >/dev/null || exit 77
here=$(dirname "${BASH_SOURCE[0]}")
export PKG_CONFIG_PATH=$2
pkg-config --exact-version="$(sed -n 's/^Version: //p' "$2/nestvec.pc")" nestvec
libdir=$(pkg-config --variable=libdir nestvec)
[[ -e $libdir/libnestvec.so ]]
read -ra flags < <(pkg-config --cflags --libs nestvec)
"$1" -std=c++20 "$here/consumer.cc" -o "$3/with-pkg-config" "${flags[@]}" -Wl,-rpath,"$libdir"
"$3/with-pkg-config" "$4"
