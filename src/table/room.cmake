# SPDX-License-Identifier: Apache-2.0
find_package(simdjson REQUIRED)
target_link_libraries(sealane_table ${scope} simdjson::simdjson)
