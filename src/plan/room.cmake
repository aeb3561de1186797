# SPDX-License-Identifier: Apache-2.0
# yaml-cpp reads world files (yaml.cpp), nlohmann-json writes their JSON Schema (schema.cpp).
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
target_link_libraries(sealane_plan PRIVATE yaml-cpp nlohmann_json::nlohmann_json)

# embedded.cpp takes these files into the program with .incbin, which no dependency scan sees.
file(GLOB sealane_data CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/data/*.csv ${CMAKE_SOURCE_DIR}/data/*.bin)
set_source_files_properties(${dir}/embedded.cpp PROPERTIES
  OBJECT_DEPENDS "${sealane_data}" COMPILE_DEFINITIONS "SL_DATA_DIR=\"${CMAKE_SOURCE_DIR}/data\"")
