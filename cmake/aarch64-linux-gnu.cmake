# SPDX-License-Identifier: Apache-2.0
# Debian's compiler for aarch64 (scripts/setup-apt.sh --aarch64) with the libraries of
# scripts/get-sysroot.sh and the ONNX Runtime of scripts/get-onnxruntime.sh --aarch64. What the build
# runs, protoc above all, is the machine's own; tests run under qemu.
cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH nestvec_root)
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_SYSROOT ${nestvec_root}/build/sysroot-aarch64)
# The build folder holds what the scripts have assembled; nothing of the machine's own is linked.
set(CMAKE_FIND_ROOT_PATH ${nestvec_root}/build)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# `max` has every extension that kernels are compiled for. ONNX Runtime would take SVE, too, whose emulation is seven
# times as slow.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L ${CMAKE_SYSROOT} -cpu max,sve=off)
