# SPDX-License-Identifier: Apache-2.0
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_library(MIMALLOC mimalloc REQUIRED)
target_link_libraries(sealane_main ${scope} nlohmann_json::nlohmann_json CLI11::CLI11)

add_executable(sealane ${dir}/main.cpp)
target_link_libraries(sealane PRIVATE sealane_main)
if(NOT SL_SANITIZE)  # the sanitizers bring allocators of their own
  target_link_libraries(sealane PRIVATE ${MIMALLOC})
endif()
