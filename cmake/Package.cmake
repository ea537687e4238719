# SPDX-License-Identifier: Apache-2.0
# NESTVEC_DEBIAN: the packages nestvec and libnestvec-dev by CPack (scripts/make-deb.sh). ONNX Runtime is
# private to them, in /usr/lib/nestvec. The service is installed and neither enabled nor started.
set(debian ${PROJECT_SOURCE_DIR}/deploy/debian)
set(made ${PROJECT_BINARY_DIR}/debian)
set(NESTVEC_GLIBC 2.34)

# The unit of deploy/ with Debian's paths, and with the user that the package makes instead of one that
# systemd invents: its files keep their owner, and `sudo -u nestvec` may fill the cache.
file(READ ${PROJECT_SOURCE_DIR}/deploy/nestvec.service unit)
string(REGEX REPLACE "^#[^\n]*\n(#[^\n]*\n)*" "" unit "${unit}")
string(REPLACE /usr/local/bin /usr/bin unit "${unit}")
string(REPLACE "DynamicUser=yes\nSupplementaryGroups=nestvec-keys\n" "User=nestvec\nGroup=nestvec\n"
  unit "${unit}")
file(WRITE ${made}/nestvec.service "${unit}")

install(FILES ${made}/nestvec.service DESTINATION lib/systemd/system)
install(FILES ${debian}/config.yaml DESTINATION /etc/nestvec)
install(FILES ${debian}/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${debian}/changelog DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${ONNXRUNTIME_LIBRARY_DIR}/../ThirdPartyNotices.txt DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${debian}/copyright DESTINATION share/doc/libnestvec-dev COMPONENT development)
install(FILES ${debian}/changelog DESTINATION share/doc/libnestvec-dev COMPONENT development)
install(FILES ${debian}/nestvec.overrides RENAME nestvec DESTINATION share/lintian/overrides)
install(FILES ${debian}/libnestvec-dev.overrides RENAME libnestvec-dev
  DESTINATION share/lintian/overrides COMPONENT development)

set(CPACK_GENERATOR DEB)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PACKAGE_CONTACT "The nestvec authors <nestvec@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "text embeddings with jina-embeddings-v3 and its kin")
# /etc is outside the prefix.
set(CPACK_SET_DESTDIR ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/DebianFiles.cmake)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL Unspecified development)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
# Else it is that of the machine that packs.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
endif()
# xz takes longer than all the rest.
set(CPACK_DEBIAN_COMPRESSION_TYPE gzip)
set(CPACK_DEBIAN_PACKAGE_SOURCE nestvec)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_NAME nestvec)
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_SECTION science)
# The newest symbol of glibc (tests/packages asserts it), and what ONNX Runtime as published needs.
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_DEPENDS
  "libc6 (>= ${NESTVEC_GLIBC}), libgcc-s1, libstdc++6, passwd")
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_COMPONENT_UNSPECIFIED_DESCRIPTION
"A command and a server that turn text into vectors on the CPU, for search,
clustering and classification. The server speaks the protocols of OpenAI,
Jina, text-embeddings-inference, Cohere and Ollama over HTTP and gRPC.
It contains no model: \"nestvec pull\" downloads one.")
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_CONTROL_EXTRA
  ${debian}/postinst ${debian}/prerm ${debian}/postrm ${debian}/conffiles)

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libnestvec-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
  "nestvec (= ${PROJECT_VERSION}), libc6 (>= ${NESTVEC_GLIBC}), libgcc-s1")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
"The library libnestvec.so with its C++20 headers and files for CMake and
pkg-config. It loads a model and turns texts into vectors in the process.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_CONTROL_EXTRA
  ${debian}/triggers ${debian}/shlibs)

include(CPack)
