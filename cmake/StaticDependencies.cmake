# SPDX-License-Identifier: Apache-2.0
# NESTVEC_STATIC: the same targets as the find modules make, out of static libraries. What the
# distribution has no fit one of comes from scripts/get-static-libraries.sh. glibc and ONNX Runtime stay
# shared: the one belongs to the machine, the other travels beside.
set(static_arch ${CMAKE_SYSTEM_PROCESSOR})
set(static_root ${PROJECT_SOURCE_DIR}/build/static-${static_arch})
if(NOT EXISTS ${static_root}/made-from)
  message(FATAL_ERROR "${static_root} is not there; run scripts/get-static-libraries.sh")
endif()

# static_library(TARGET NAME [LIBS lib ...] [DEFINES name ...]): lib`NAME`.a under TARGET. Headers are the
# distribution's, of the same versions.
function(static_library target name)
  cmake_parse_arguments(ARG "" "" "LIBS;DEFINES" ${ARGN})
  find_library(static_${name} lib${name}.a REQUIRED NO_CACHE NO_CMAKE_FIND_ROOT_PATH
    HINTS ${static_root}/lib PATHS ${CMAKE_SYSROOT}/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
  add_library(${target} STATIC IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${static_${name}}
    INTERFACE_LINK_LIBRARIES "${ARG_LIBS}" INTERFACE_COMPILE_DEFINITIONS "${ARG_DEFINES}")
endfunction()

static_library(simdjson::simdjson simdjson DEFINES SIMDJSON_THREADS_ENABLED=1)
static_library(yaml-cpp yaml-cpp)
static_library(protobuf::libprotobuf protobuf LIBS Threads::Threads)
static_library(protobuf::libprotobuf-lite protobuf-lite LIBS Threads::Threads)
static_library(ZLIB::ZLIB z)
static_library(Zstd::zstd zstd LIBS Threads::Threads)
static_library(Nghttp2::nghttp2 nghttp2)
static_library(OpenSSL::Crypto crypto LIBS Threads::Threads ${CMAKE_DL_LIBS})
static_library(OpenSSL::SSL ssl LIBS OpenSSL::Crypto)
static_library(CURL::libcurl curl LIBS OpenSSL::SSL)

find_program(protoc protoc REQUIRED NO_CACHE NO_CMAKE_FIND_ROOT_PATH)
add_executable(protobuf::protoc IMPORTED GLOBAL)
set_target_properties(protobuf::protoc PROPERTIES IMPORTED_LOCATION ${protoc})
