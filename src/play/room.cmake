# SPDX-License-Identifier: Apache-2.0
# main.cpp is a program of its own: scenes and randomized worlds from the command line.
add_executable(play_explore ${dir}/main.cpp)
target_link_libraries(play_explore PRIVATE sealane_play)
