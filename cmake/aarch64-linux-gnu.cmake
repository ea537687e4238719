# SPDX-License-Identifier: Apache-2.0
# A toolchain of Debian and Ubuntu for aarch64: scripts/setup-apt.sh --aarch64 installs it. Libraries
# are those of the architecture arm64 beside the machine's own (multiarch), ONNX Runtime is what
# scripts/get-onnxruntime.sh --aarch64 assembles. Tests run under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
# `max` has every extension that kernels are compiled for.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -cpu max)
