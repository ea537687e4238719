# SPDX-License-Identifier: Apache-2.0
# Everything from outside, in one place.

# need(NAME PACKAGE [VERSION]): find_package, or a sentence with the package of Debian and Ubuntu. Who
# builds the Python package has read nothing before.
macro(need name package)
  find_package(${name} ${ARGN} QUIET)
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "nestvec needs ${name}, which was not found; install ${package} (Debian, "
                        "Ubuntu) or what corresponds to it.")
  endif()
endmacro()

need(Threads libc6-dev)
if(NESTVEC_STATIC)
  include(StaticDependencies)
else()
  need(simdjson libsimdjson-dev)
  need(yaml-cpp libyaml-cpp-dev)
  need(Protobuf libprotobuf-dev)
  need(CURL libcurl4-openssl-dev)
  need(OpenSSL libssl-dev)
  need(ZLIB zlib1g-dev)
  need(Zstd libzstd-dev)
  need(Nghttp2 libnghttp2-dev)
endif()
if(NOT TARGET protobuf::protoc)
  message(FATAL_ERROR "nestvec needs protoc, which was not found; install protobuf-compiler (Debian, "
                      "Ubuntu) or what corresponds to it.")
endif()
need(CLI11 libcli11-dev)
need(Boost libboost-dev 1.74)
if(NESTVEC_PYTHON)
  # Who runs pip has run no script before.
  execute_process(COMMAND ${PROJECT_SOURCE_DIR}/scripts/get-onnxruntime.sh
    COMMAND_ERROR_IS_FATAL ANY)
endif()
include(FindOnnxRuntime)
if(NESTVEC_DEVELOPER)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
  include(GoogleTest)
endif()
