# SPDX-License-Identifier: Apache-2.0
# The installed package: bin/nestvec, lib/libnestvec.so, the public headers, nestvecConfig.cmake,
# and ONNX Runtime's shared library where the system has none.
include(CMakePackageConfigHelpers)

install(TARGETS nestvec_shared EXPORT nestvec LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/nestvec DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_BINARY_DIR}/include/nestvec/version.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/nestvec)
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})

file(RELATIVE_PATH to_lib /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
set_target_properties(nestvec_shared PROPERTIES INSTALL_RPATH "$ORIGIN")
if(TARGET nestvec_command)
  set_target_properties(nestvec_command PROPERTIES INSTALL_RPATH "$ORIGIN/${to_lib}")
  install(TARGETS nestvec_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

if(ONNXRUNTIME_IS_PRIVATE)
  install(DIRECTORY ${ONNXRUNTIME_LIBRARY_DIR}/ DESTINATION ${CMAKE_INSTALL_LIBDIR}
          FILES_MATCHING PATTERN "libonnxruntime*.so*")
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/nestvec)
install(EXPORT nestvec NAMESPACE nestvec:: FILE nestvecTargets.cmake DESTINATION ${package_dir})
file(WRITE ${PROJECT_BINARY_DIR}/nestvecConfig.cmake
     "include(\${CMAKE_CURRENT_LIST_DIR}/nestvecTargets.cmake)\n")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/nestvecConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/nestvecConfig.cmake
              ${PROJECT_BINARY_DIR}/nestvecConfigVersion.cmake DESTINATION ${package_dir})
