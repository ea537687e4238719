#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check-macos.sh [SOURCE...]: whether the library and the Python module compile for macOS on Apple's
# processors, all of their sources or those named, by the compiler and the system's headers in PyPI's
# ziglang. Nothing is linked, nothing is run. Headers of what they depend on are
# this machine's; what is generated comes from build/release (make build), nanobind from the
# environment of make wheel.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

scripts/make-venv.sh macos scripts/requirements-macos.txt
scripts/make-venv.sh wheel scripts/requirements-wheel.txt
export ZIG_GLOBAL_CACHE_DIR=$build_dir/zig-cache ZIG_LOCAL_CACHE_DIR=$build_dir/zig-cache
[[ -e build/release/src/compile/onnx.pb.h ]] || die "build/release is not built; run make build"

# Of /usr/include these alone: the rest is Linux.
make_scratch macos
python=$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')
for header in simdjson.h yaml-cpp google "$(uname -m)-linux-gnu/$(basename "$python")"; do
  mkdir -p "$scratch/$(dirname "$header")"
  ln -s "/usr/include/$header" "$scratch/$header"
done
compile=(
  "$build_dir/venv-macos/bin/python" -m ziglang c++ -target aarch64-macos -std=c++20 -c -O0
  -fno-sanitize=undefined -o "$scratch/object.o" -Isrc -Iinclude -Ibuild/release/include
  -isystem build/release/src/compile -isystem build/onnxruntime/include -isystem "$scratch"
)
nanobind=$("$build_dir/venv-wheel/bin/python" -m nanobind --include_dir)
extension=(-isystem "$nanobind" -isystem "$python" -DPy_LIMITED_API=0x030A0000
  -DNB_BACKEND_MODULE=nanobind_backend -DNB_BACKEND_PYPI=nanobind-backend)

# As src/ops/kernels/CMakeLists.txt has them, in Zig's words.
declare -A levels=(
  [generic]="" [neon]="-DNESTVEC_NEON"
  [neon_dotprod]="-DNESTVEC_NEON -mcpu=generic+v8_2a+dotprod"
  [neon_i8mm]="-DNESTVEC_NEON -mcpu=generic+v8_2a+dotprod+i8mm"
  [neon_bf16]="-DNESTVEC_NEON -mcpu=generic+v8_2a+dotprod+i8mm+bf16"
)

# check SOURCE FLAG...: notes those that do not compile.
failed=$scratch/failed
check() {
  local source=$1
  shift
  "${compile[@]}" "$@" "$source" >"$scratch/output" 2>&1 && return
  printf '== %s %s\n' "$source" "$*"
  grep -E -A 3 'error:' "$scratch/output" || cat "$scratch/output"
  printf '%s %s\n' "$source" "$*" >>"$failed"
}

sources=("$@")
if ((${#sources[@]} == 0)); then
  # These two are the server's and the downloads'.
  mapfile -t sources < <(find src/{base,config,weights,tokenizer,ops,compile,batch,session,output,engine} \
    python/src -name '*.cc' ! -name '*_test.cc' ! -path src/base/compression.cc \
    ! -path src/base/content_hash.cc | sort)
fi
count=0
for source in "${sources[@]}"; do
  case $source in
    src/ops/kernels/dispatch.cc) check "$source" ;;
    src/ops/kernels/*)
      for level in "${!levels[@]}"; do
        read -ra flags <<<"-DNESTVEC_ISA=$level ${levels[$level]}"
        check "$source" "${flags[@]}"
      done
      ;;
    python/*) check "$source" "${extension[@]}" ;;
    *) check "$source" ;;
  esac
  count=$((count + 1))
done
[[ ! -s $failed ]] || die "$(wc -l <"$failed") of the library's compilations for macOS fail"
say "$count sources compile for macOS"
