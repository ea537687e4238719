# SPDX-License-Identifier: Apache-2.0
# One static library a folder of src/, with its unit tests beside it.

add_library(nestvec_options INTERFACE)
target_compile_options(nestvec_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Werror)
if(NESTVEC_SANITIZE)
  target_compile_options(nestvec_options INTERFACE
    -fsanitize=${NESTVEC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(nestvec_options INTERFACE -fsanitize=${NESTVEC_SANITIZE})
endif()

# nestvec_library(FOLDER SOURCES a.cc ... [TESTS a_test.cc ...] [LIBS nestvec_base ...]
#                 [PRIVATE_LIBS foreign::lib ...])
# makes the library nestvec_FOLDER and, for developers, the test program FOLDER_test.
function(nestvec_library folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;TESTS;LIBS;PRIVATE_LIBS" ${ARGN})
  add_library(nestvec_${folder} STATIC ${ARG_SOURCES})
  target_include_directories(nestvec_${folder} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>)
  target_link_libraries(nestvec_${folder}
    PUBLIC ${ARG_LIBS}
    PRIVATE $<BUILD_INTERFACE:nestvec_options> ${ARG_PRIVATE_LIBS})
  if(NESTVEC_DEVELOPER AND ARG_TESTS)
    nestvec_test(${folder}_test SOURCES ${ARG_TESTS}
      LIBS nestvec_${folder} ${ARG_PRIVATE_LIBS} LABELS quick)
  endif()
endfunction()

# nestvec_test(NAME SOURCES a_test.cc ... LIBS lib ... [LABELS quick])
# makes a GoogleTest program and registers each of its tests with ctest.
function(nestvec_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE nestvec_options ${ARG_LIBS} GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    NESTVEC_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data"
    NESTVEC_TEST_CASES="${PROJECT_SOURCE_DIR}/tests/cases"
    NESTVEC_TEST_BUILD="${PROJECT_BINARY_DIR}/tests")
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 600)
endfunction()
