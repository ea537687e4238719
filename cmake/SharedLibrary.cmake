# SPDX-License-Identifier: Apache-2.0
# nestvec::nestvec, what a consumer links: one shared library made of every folder up to engine.
# Its users need the public headers and the standard library, and none of what lies below.

set(nestvec_parts base config weights tokenizer ops compile batch session output engine)
list(TRANSFORM nestvec_parts PREPEND nestvec_)

add_library(nestvec_shared SHARED)
add_library(nestvec::nestvec ALIAS nestvec_shared)
foreach(part IN LISTS nestvec_parts)
  if(TARGET ${part})
    target_sources(nestvec_shared PRIVATE $<TARGET_OBJECTS:${part}>)
    target_link_libraries(nestvec_shared PRIVATE ${part})
  endif()
endforeach()
target_include_directories(nestvec_shared PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(nestvec_shared PUBLIC cxx_std_20)
target_link_libraries(nestvec_shared PRIVATE $<BUILD_INTERFACE:nestvec_options>)

set(exports ${CMAKE_CURRENT_LIST_DIR}/exports.map)
target_link_options(nestvec_shared PRIVATE LINKER:--version-script=${exports})
set_target_properties(nestvec_shared PROPERTIES
  OUTPUT_NAME nestvec EXPORT_NAME nestvec LINKER_LANGUAGE CXX LINK_DEPENDS ${exports}
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
