# SPDX-License-Identifier: Apache-2.0
# nghttp2, which Debian packages without files for CMake: target Nghttp2::nghttp2.
find_path(NGHTTP2_INCLUDE_DIR nghttp2/nghttp2.h)
find_library(NGHTTP2_LIBRARY nghttp2)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Nghttp2 REQUIRED_VARS NGHTTP2_LIBRARY NGHTTP2_INCLUDE_DIR)
mark_as_advanced(NGHTTP2_INCLUDE_DIR NGHTTP2_LIBRARY)
if(Nghttp2_FOUND AND NOT TARGET Nghttp2::nghttp2)
  add_library(Nghttp2::nghttp2 UNKNOWN IMPORTED)
  set_target_properties(Nghttp2::nghttp2 PROPERTIES IMPORTED_LOCATION ${NGHTTP2_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${NGHTTP2_INCLUDE_DIR})
endif()
