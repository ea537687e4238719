# SPDX-License-Identifier: Apache-2.0
# Everything from outside, in one place.
find_package(Threads REQUIRED)
find_package(simdjson REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(Protobuf REQUIRED)
if(NESTVEC_PYTHON)
  # Who runs pip has run no script before.
  execute_process(COMMAND ${PROJECT_SOURCE_DIR}/scripts/get-onnxruntime.sh
    COMMAND_ERROR_IS_FATAL ANY)
else()
  find_package(CURL REQUIRED)
  find_package(OpenSSL REQUIRED)
  find_package(CLI11 REQUIRED)
  find_package(Boost 1.74 REQUIRED)
  find_package(ZLIB REQUIRED)
  find_package(gRPC 1.51 CONFIG REQUIRED)
endif()
include(FindOnnxRuntime)
if(NESTVEC_DEVELOPER)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
  include(GoogleTest)
endif()
