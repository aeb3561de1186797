# SPDX-License-Identifier: Apache-2.0
# Turns src/ARROWS into targets. Each room is one library `sealane_<room>` made of src/<room>/**/*.cpp;
# beside a file x.cpp stand
#   x_test.cpp   collected into the room's test program <room>_test (GoogleTest),
#   x_fuzz.cpp   a fuzz target of its own (libFuzzer with SL_FUZZ, else it replays its corpus),
#   x_bench.cpp  a Google Benchmark program of its own.
# A room links exactly the rooms of its row; libraries from outside come in by src/<room>/room.cmake.

find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
find_package(fmt REQUIRED)

add_library(sl_flags INTERFACE)
target_include_directories(sl_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(sl_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wthread-safety
  -Wno-deprecated-declarations               # libstdc++ 12's own std::stable_sort trips over it
  -Wno-missing-designated-field-initializers  # a struct's defaults are what its missing fields mean
  $<$<BOOL:${SL_WERROR}>:-Werror>)
if(SL_SANITIZE)
  add_compile_options(-fsanitize=${SL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SL_SANITIZE})
endif()
if(SL_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Tests build twice as fast without optimisation, and it is the rooms' speed that matters to them, not their own. What
# fuzzers are led by is in the rooms, too.
add_library(sl_test_flags INTERFACE)
target_compile_options(sl_test_flags INTERFACE -O0 $<$<BOOL:${SL_FUZZ}>:-fno-sanitize=fuzzer-no-link>)

# The preset dev does without precompiled headers, so that each file is held to include what it uses.
function(sl_precompiled name)  # more headers...
  # Not file(WRITE): that touches it at each configuring, and all would be built again.
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/${name}.cpp CONTENT "// what the precompiled header is compiled with\n")
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/${name}.cpp)
  target_link_libraries(${name} PRIVATE sl_flags fmt::fmt Threads::Threads)
  target_compile_options(${name} PUBLIC "SHELL:-Xclang -fno-pch-timestamp")  # ccache compares its content
  target_precompile_headers(${name} PRIVATE
    <algorithm> <array> <atomic> <charconv> <chrono> <cstdint> <deque> <functional> <map> <memory> <optional> <set>
    <span> <string> <string_view> <unordered_map> <utility> <vector> <fmt/format.h> ${ARGN})
endfunction()
if(SL_PCH)
  sl_precompiled(sl_precompiled_room)
endif()
if(SL_PCH AND SL_TESTS)
  sl_precompiled(sl_precompiled_test <gtest/gtest.h>)
  target_link_libraries(sl_precompiled_test PRIVATE GTest::gtest sl_test_flags)
endif()
function(sl_precompile target with)
  if(SL_PCH)
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    target_precompile_headers(${target} REUSE_FROM ${with})
  endif()
endfunction()
# A program of tests: <target> <file>...
function(sl_test target)
  add_executable(${target} ${ARGN})
  target_link_libraries(${target} PRIVATE GTest::gtest_main sl_test_flags)
  sl_precompile(${target} sl_precompiled_test)
endfunction()

function(sl_rooms arrows)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${arrows})
  file(STRINGS ${arrows} rows REGEX "^[a-z]+ *:")
  foreach(row IN LISTS rows)
    string(REGEX MATCH "^[a-z]+" room "${row}")
    string(REGEX REPLACE "^[a-z]+ *: *" "" below "${row}")
    separate_arguments(below)
    sl_room(${room} ${below})
  endforeach()
endfunction()

function(sl_room room)
  set(dir ${CMAKE_SOURCE_DIR}/src/${room})
  file(GLOB_RECURSE all CONFIGURE_DEPENDS ${dir}/*.cpp ${dir}/*.h)
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz|bench)\\.cpp$|/main\\.cpp$")
  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  set(fuzzers ${all})
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cpp$")
  set(benches ${all})
  list(FILTER benches INCLUDE REGEX "_bench\\.cpp$")

  set(compiled ${sources})
  list(FILTER compiled INCLUDE REGEX "\\.cpp$")
  if(compiled)
    add_library(sealane_${room} STATIC ${sources})
    sl_precompile(sealane_${room} sl_precompiled_room)
    set(scope PUBLIC)
  else()
    add_library(sealane_${room} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_link_libraries(sealane_${room} ${scope} sl_flags fmt::fmt Threads::Threads)
  foreach(other IN LISTS ARGN)
    target_link_libraries(sealane_${room} ${scope} sealane_${other})
  endforeach()
  set(test_rooms)
  set(test_cost 0)
  if(EXISTS ${dir}/room.cmake)
    include(${dir}/room.cmake)
  endif()

  if(NOT SL_TESTS)
    return()
  endif()
  if(tests)
    sl_test(${room}_test ${tests})
    # Tests may stand on more rooms than their subject (the simulator): room.cmake names them.
    list(TRANSFORM test_rooms PREPEND sealane_ OUTPUT_VARIABLE test_rooms)
    target_link_libraries(${room}_test PRIVATE sealane_${room} ${test_rooms})
    add_test(NAME ${room} COMMAND ${room}_test --gtest_brief=1 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${room} PROPERTIES COST ${test_cost})
  endif()
  foreach(file IN LISTS fuzzers)
    sl_fuzz(${room} ${file})
  endforeach()
  foreach(file IN LISTS benches)
    get_filename_component(name ${file} NAME_WE)
    find_package(benchmark REQUIRED)
    add_executable(${room}_${name} ${file})
    target_link_libraries(${room}_${name} PRIVATE sealane_${room} benchmark::benchmark_main)
  endforeach()
endfunction()

# A fuzz target src/<room>/x_fuzz.cpp replays tests/corpus/<room>_x in every test run; with SL_FUZZ the
# same program explores (tests/fuzz.sh).
function(sl_fuzz room file)
  sl_fuzz_of(${room} ${file} sealane_${room} ${test_rooms})
endfunction()

# The same for code outside src/: `prefix` stands for the room, then what it is linked with.
function(sl_fuzz_of prefix file)
  get_filename_component(name ${file} NAME_WE)
  set(target ${prefix}_${name})
  string(REGEX REPLACE "_fuzz$" "" corpus ${target})
  set(seeds ${CMAKE_SOURCE_DIR}/tests/corpus/${corpus})
  add_executable(${target} ${file})
  target_link_libraries(${target} PRIVATE ${ARGN})
  if(SL_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    add_test(NAME corpus_${corpus} COMMAND ${target} -runs=0 ${seeds})
  else()
    target_sources(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/replay_corpus.cpp)
    add_test(NAME corpus_${corpus} COMMAND ${target} ${seeds})
  endif()
endfunction()
