# SPDX-License-Identifier: Apache-2.0
# How this project makes libraries, tests, fuzz targets and benchmarks.

add_library(nestvec_options INTERFACE)
target_compile_options(nestvec_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Werror
  # g++ 12 sees overlapping copies in std::string's operator+ (GCC bug 105329).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>)
if(NESTVEC_STATIC)
  # libgcc_s stays: it unwinds across libraries, and ONNX Runtime needs it anyway.
  # What nobody calls goes, and with it the newest symbols of glibc (libstdc++'s random_device).
  target_link_options(nestvec_options INTERFACE
    -static-libstdc++ LINKER:--exclude-libs,ALL LINKER:--gc-sections)
endif()
if(NESTVEC_SANITIZE)
  target_compile_options(nestvec_options INTERFACE
    -fsanitize=${NESTVEC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)  # false ones, through the instrumentation
  target_link_options(nestvec_options INTERFACE -fsanitize=${NESTVEC_SANITIZE})
endif()
if(NESTVEC_LIBFUZZER)
  target_compile_options(nestvec_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# report_mutex_bugs: ONNX Runtime locks mutexes unseen and unlocks them where the sanitizer looks.
set(nestvec_sanitizer_environment
  "ASAN_OPTIONS=abort_on_error=1:detect_stack_use_after_return=1"
  "UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1"
  "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/sanitizers/lsan.supp:print_suppressions=0"
  "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/sanitizers/tsan.supp:halt_on_error=1:report_mutex_bugs=0")

# nestvec_join(OUT NAME SOURCES a.cc ... [ALONE b.cc ...]) sets OUT to what a target compiles: with
# NESTVEC_JOIN_SOURCES files of the build folder that include a few sources each, so that headers are
# read and templates made once for all of them; otherwise the sources as they are. Sources that are
# generated, and those that ALONE names because they share a name with a neighbour, stay alone.
# The files include by paths relative to src/, so that clones share what ccache holds.
set(nestvec_join_size 16)
function(nestvec_join out name)
  cmake_parse_arguments(ARG "" "" "SOURCES;ALONE" ${ARGN})
  if(NOT NESTVEC_JOIN_SOURCES)
    set(${out} ${ARG_SOURCES} PARENT_SCOPE)
    return()
  endif()
  set(result)
  set(joined)
  foreach(source IN LISTS ARG_SOURCES)
    if(source IN_LIST ARG_ALONE OR IS_ABSOLUTE ${source})
      list(APPEND result ${source})
    else()
      list(APPEND joined ${source})
    endif()
  endforeach()
  # Files of about one size.
  list(LENGTH joined count)
  math(EXPR files "(${count} + ${nestvec_join_size} - 1) / ${nestvec_join_size}")
  set(number 0)
  while(number LESS files)
    math(EXPR begin "${count} * ${number} / ${files}")
    math(EXPR size "${count} * (${number} + 1) / ${files} - ${begin}")
    list(SUBLIST joined ${begin} ${size} batch)
    set(text)
    foreach(source IN LISTS batch)
      file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR}/src ${CMAKE_CURRENT_SOURCE_DIR}/${source})
      string(APPEND text "#include \"${path}\"\n")
    endforeach()
    set(file ${CMAKE_CURRENT_BINARY_DIR}/joined/${name}_${number}.cc)
    file(CONFIGURE OUTPUT ${file} CONTENT "${text}")
    list(APPEND result ${file})
    math(EXPR number "${number} + 1")
  endwhile()
  set(${out} ${result} PARENT_SCOPE)
endfunction()

# nestvec_library(FOLDER SOURCES a.cc ... [TESTS a_test.cc ...] [LIBS nestvec_base ...]
#                 [PRIVATE_LIBS foreign::lib ...] [TEST_LIBS lib ...] [ALONE a.cc ...]
#                 [NATIVE] [THREADS a_test.cc ...] [THREAD_FILTER filter])
# makes the library nestvec_FOLDER and, for developers, the test program FOLDER_test: all of TESTS, or
# what NESTVEC_TESTS leaves of them. `native`: only folders that say NATIVE, whose tests want the
# speed and the instructions of a release. `threads`: only THREADS, the tests of what several threads
# use at once, for ThreadSanitizer; THREAD_FILTER leaves out some of their cases.
function(nestvec_library folder)
  cmake_parse_arguments(ARG "NATIVE" "THREAD_FILTER"
    "SOURCES;TESTS;LIBS;PRIVATE_LIBS;TEST_LIBS;ALONE;THREADS" ${ARGN})
  nestvec_join(sources nestvec_${folder} SOURCES ${ARG_SOURCES} ALONE ${ARG_ALONE})
  add_library(nestvec_${folder} STATIC ${sources})
  target_include_directories(nestvec_${folder} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>)
  target_link_libraries(nestvec_${folder}
    PUBLIC ${ARG_LIBS}
    PRIVATE $<BUILD_INTERFACE:nestvec_options> ${ARG_PRIVATE_LIBS})

  if(NESTVEC_TESTS STREQUAL "threads")
    set(ARG_TESTS ${ARG_THREADS})
  elseif(NESTVEC_TESTS STREQUAL "native" AND NOT ARG_NATIVE)
    set(ARG_TESTS)
  endif()
  if(NESTVEC_DEVELOPER AND ARG_TESTS)
    nestvec_join(tests ${folder}_test SOURCES ${ARG_TESTS} ALONE ${ARG_ALONE})
    nestvec_test(${folder}_test SOURCES ${tests}
      LIBS nestvec_${folder} ${ARG_PRIVATE_LIBS} ${ARG_TEST_LIBS} LABELS quick
      THREAD_FILTER ${ARG_THREAD_FILTER})
    target_include_directories(${folder}_test PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  endif()
endfunction()

# nestvec_test(NAME SOURCES a_test.cc ... LIBS lib ... [LABELS quick] [THREAD_FILTER filter])
# makes a GoogleTest program and registers it with ctest: each of its tests by name, or under
# sanitizers the program as one, because there each start costs. Labels: quick (make check), slow
# (only make test, without sanitizers).
function(nestvec_test name)
  cmake_parse_arguments(ARG "" "THREAD_FILTER" "SOURCES;LIBS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE nestvec_options ${ARG_LIBS} nestvec_test_folders GTest::gtest_main)
  if(NESTVEC_SANITIZE)
    set(filter)
    if(NESTVEC_SANITIZE STREQUAL "thread" AND ARG_THREAD_FILTER)
      set(filter --gtest_filter=${ARG_THREAD_FILTER})
    endif()
    add_test(NAME ${name} COMMAND ${name} ${filter})
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 1800
      ENVIRONMENT "${nestvec_sanitizer_environment}")
  else()
    set(seconds 600)
    if(CMAKE_CROSSCOMPILING)
      set(seconds 1800)  # 8,192 tokens take five minutes in an emulator on a fast machine
    endif()
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
      PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${seconds})
  endif()
endfunction()

# nestvec_fuzz(NAME LIBS lib ... [RUNS n]) makes NAME_fuzz out of fuzz/NAME_fuzz.cc. With
# NESTVEC_LIBFUZZER it is a fuzzer; otherwise a test that replays fuzz/corpus/NAME and then runs
# n mutations of it, always the same ones.
function(nestvec_fuzz name)
  cmake_parse_arguments(ARG "" "RUNS" "LIBS" ${ARGN})
  if(NOT ARG_RUNS)
    set(ARG_RUNS 2000)
  endif()
  add_executable(${name}_fuzz ${name}_fuzz.cc)
  target_link_libraries(${name}_fuzz PRIVATE nestvec_options ${ARG_LIBS} nestvec_test_folders)
  add_dependencies(fuzzers ${name}_fuzz)
  if(NESTVEC_LIBFUZZER)
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
    return()
  endif()
  target_link_libraries(${name}_fuzz PRIVATE nestvec_fuzz_driver)
  add_test(NAME fuzz.${name}
    COMMAND ${name}_fuzz --runs=${ARG_RUNS} ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
  set_tests_properties(fuzz.${name} PROPERTIES LABELS quick TIMEOUT 1800
    ENVIRONMENT "${nestvec_sanitizer_environment}")
endfunction()

# nestvec_benchmark(NAME SOURCES a_bench.cc ... LIBS lib ...) makes a Google Benchmark program that
# `make bench` runs.
function(nestvec_benchmark name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE nestvec_options ${ARG_LIBS} nestvec_test_folders
    benchmark::benchmark_main)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
endfunction()
