# SPDX-License-Identifier: Apache-2.0
# onnxruntime::onnxruntime from, in this order: ONNXRUNTIME_ROOT (a folder with include/ and lib/),
# an installed one, what scripts/get-onnxruntime.sh has assembled. Sets ONNXRUNTIME_IS_PRIVATE when
# the library lies outside the system's folders and so has to travel with an installation.
if(NOT DEFINED ONNXRUNTIME_ROOT AND DEFINED ENV{ONNXRUNTIME_ROOT})
  set(ONNXRUNTIME_ROOT $ENV{ONNXRUNTIME_ROOT})
endif()
if(NOT ONNXRUNTIME_ROOT)
  find_package(onnxruntime CONFIG QUIET)
endif()
set(ONNXRUNTIME_IS_PRIVATE FALSE)
if(NOT TARGET onnxruntime::onnxruntime)
  set(onnxruntime_assembled ${PROJECT_SOURCE_DIR}/build/onnxruntime)
  find_path(ONNXRUNTIME_INCLUDE_DIR onnxruntime_cxx_api.h
    HINTS ${ONNXRUNTIME_ROOT} PATHS ${onnxruntime_assembled}
    PATH_SUFFIXES include include/onnxruntime onnxruntime
                  include/onnxruntime/core/session onnxruntime/core/session)
  find_library(ONNXRUNTIME_LIBRARY NAMES onnxruntime libonnxruntime.so.1
    HINTS ${ONNXRUNTIME_ROOT} PATHS ${onnxruntime_assembled} PATH_SUFFIXES lib lib64)
  if(NOT ONNXRUNTIME_INCLUDE_DIR OR NOT ONNXRUNTIME_LIBRARY)
    message(FATAL_ERROR "ONNX Runtime was not found. Run scripts/get-onnxruntime.sh, or set "
                        "ONNXRUNTIME_ROOT to a folder with include/ and lib/.")
  endif()
  add_library(onnxruntime::onnxruntime SHARED IMPORTED)
  set_target_properties(onnxruntime::onnxruntime PROPERTIES
    IMPORTED_LOCATION ${ONNXRUNTIME_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${ONNXRUNTIME_INCLUDE_DIR})
  cmake_path(GET ONNXRUNTIME_LIBRARY PARENT_PATH ONNXRUNTIME_LIBRARY_DIR)
  if(NOT ONNXRUNTIME_LIBRARY_DIR MATCHES "^(/usr)?(/local)?/lib")
    set(ONNXRUNTIME_IS_PRIVATE TRUE)
  endif()
endif()
