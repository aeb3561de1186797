# SPDX-License-Identifier: Apache-2.0
# main.cpp is a program of its own: scenes and randomized worlds from the command line.
add_executable(play_explore ${dir}/main.cpp)
target_link_libraries(play_explore PRIVATE sealane_play)
set(SL_PLAYS_DIR ${CMAKE_SOURCE_DIR}/plays)
target_compile_definitions(sealane_play PUBLIC SL_PLAYS_DIR="${SL_PLAYS_DIR}")
set(seeds 2000)
if(SL_SANITIZE)
  set(seeds 100)
endif()
add_test(NAME play_explore COMMAND play_explore --seeds ${seeds} --from 1)
# Both first, so that no core waits for the longest ones in the end.
set_tests_properties(play_explore PROPERTIES COST 90)
set(test_cost 100)
