# SPDX-License-Identifier: Apache-2.0
# The installed package: bin/nestvec with completions and manual pages, lib/libnestvec.so, the public
# headers, nestvecConfig.cmake, nestvec.pc, and ONNX Runtime's shared library where the system has none.
# What only a C++ program needs is the component `development`.
include(CMakePackageConfigHelpers)
set(NESTVEC_PRIVATE_LIBDIR ${CMAKE_INSTALL_LIBDIR} CACHE STRING
    "Where ONNX Runtime is installed; relative to the prefix")

install(TARGETS nestvec_shared EXPORT nestvec
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY include/nestvec DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
        FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_BINARY_DIR}/include/nestvec/version.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/nestvec COMPONENT development)
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# path_from(VARIABLE FOLDER): the way from an installed folder to that of ONNX Runtime.
function(path_from variable folder)
  file(RELATIVE_PATH path /${folder} /${NESTVEC_PRIVATE_LIBDIR})
  string(REGEX REPLACE "/$" "" path "$ORIGIN/${path}")
  set(${variable} ${path} PARENT_SCOPE)
endfunction()
path_from(from_lib ${CMAKE_INSTALL_LIBDIR})
path_from(from_bin ${CMAKE_INSTALL_BINDIR})
set_target_properties(nestvec_shared PROPERTIES INSTALL_RPATH ${from_lib})
if(TARGET nestvec_command)
  set_target_properties(nestvec_command PROPERTIES INSTALL_RPATH ${from_bin})
  install(TARGETS nestvec_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

  # The command itself writes what shells and man read. A cross build needs an emulator for that.
  if(NOT CMAKE_CROSSCOMPILING OR CMAKE_CROSSCOMPILING_EMULATOR)
    set(described ${PROJECT_BINARY_DIR}/described)
    install(CODE "
      set(command \"${CMAKE_COMMAND}\" -E env \"LD_LIBRARY_PATH=$<TARGET_FILE_DIR:onnxruntime::onnxruntime>\"
        ${CMAKE_CROSSCOMPILING_EMULATOR} \"$<TARGET_FILE:nestvec_command>\")
      file(REMOVE_RECURSE \"${described}\")
      file(MAKE_DIRECTORY \"${described}/man1\")
      foreach(shell bash zsh fish)
        execute_process(COMMAND \${command} completions \${shell}
          OUTPUT_FILE \"${described}/\${shell}\" COMMAND_ERROR_IS_FATAL ANY)
      endforeach()
      execute_process(COMMAND \${command} man --output \"${described}/man1\" COMMAND_ERROR_IS_FATAL ANY)")
    install(DIRECTORY ${described}/man1/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    install(FILES ${described}/bash RENAME nestvec
      DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    install(FILES ${described}/zsh RENAME _nestvec
      DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
    install(FILES ${described}/fish RENAME nestvec.fish
      DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
  endif()
endif()

if(ONNXRUNTIME_IS_PRIVATE)
  install(DIRECTORY ${ONNXRUNTIME_LIBRARY_DIR}/ DESTINATION ${NESTVEC_PRIVATE_LIBDIR}
          FILES_MATCHING PATTERN "libonnxruntime*.so*")
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/nestvec)
install(EXPORT nestvec NAMESPACE nestvec:: FILE nestvecTargets.cmake DESTINATION ${package_dir}
        COMPONENT development)
file(WRITE ${PROJECT_BINARY_DIR}/nestvecConfig.cmake
     "include(\${CMAKE_CURRENT_LIST_DIR}/nestvecTargets.cmake)\n")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/nestvecConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/nestvecConfig.cmake
              ${PROJECT_BINARY_DIR}/nestvecConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT development)

# Paths in it are relative to the file, so that the folder may be moved.
file(RELATIVE_PATH to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" to_prefix ${to_prefix})
configure_file(${CMAKE_CURRENT_LIST_DIR}/nestvec.pc.in ${PROJECT_BINARY_DIR}/nestvec.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/nestvec.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
        COMPONENT development)
