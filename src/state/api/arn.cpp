// SPDX-License-Identifier: Apache-2.0
#include "state/api/arn.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>

namespace sealane::state::api {

std::string table_arn(std::string_view region, std::string_view table) {
  return fmt::format("arn:aws:dynamodb:{}:{}:table/{}", region, kAccount, table);
}

std::string index_arn(std::string_view region, std::string_view table, std::string_view index) {
  return fmt::format("{}/index/{}", table_arn(region, table), index);
}

std::string stream_label(uint64_t started_ms) {
  const std::chrono::sys_seconds seconds{std::chrono::seconds(started_ms / 1000)};
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}", fmt::gmtime(seconds), started_ms % 1000);
}

std::string stream_arn(std::string_view region, std::string_view table, uint64_t started_ms) {
  return fmt::format("{}/stream/{}", table_arn(region, table), stream_label(started_ms));
}

std::optional<TableArn> parse_table_arn(std::string_view text) {
  constexpr std::string_view kBegin = "arn:aws:dynamodb:", kTable = ":table/", kStream = "/stream/";
  if (!text.starts_with(kBegin)) return std::nullopt;
  text.remove_prefix(kBegin.size());
  const size_t colon = text.find(':');
  const size_t table = text.find(kTable);
  if (colon == text.npos || table == text.npos || table <= colon) return std::nullopt;
  TableArn arn{.region = std::string(text.substr(0, colon)), .table = {}, .stream = {}};
  std::string_view rest = text.substr(table + kTable.size());
  if (const size_t stream = rest.find(kStream); stream != rest.npos) {
    arn.stream = rest.substr(stream + kStream.size());
    rest = rest.substr(0, stream);
  }
  if (rest.empty() || rest.contains('/')) return std::nullopt;
  arn.table = rest;
  return arn;
}

}  // namespace sealane::state::api
