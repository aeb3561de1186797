// SPDX-License-Identifier: Apache-2.0
// Amazon resource names of tables, indexes and streams.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "table/schema.h"

namespace sealane::state::api {

inline constexpr std::string_view kAccount = "000000000000";

std::string table_arn(std::string_view region, std::string_view table);
std::string index_arn(std::string_view region, std::string_view table, std::string_view index);
// When a stream was turned on, as its label: "2026-11-22T23:08:36.123".
std::string stream_label(uint64_t started_ms);
std::string stream_arn(std::string_view region, std::string_view table, uint64_t started_ms);

// arn:aws:dynamodb:<region>:<account>:table/<name>[/stream/<label>]
struct TableArn {
  std::string region, table;
  std::string stream;  // its label, or empty
};
std::optional<TableArn> parse_table_arn(std::string_view text);

}  // namespace sealane::state::api
