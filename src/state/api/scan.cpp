// SPDX-License-Identifier: Apache-2.0
// Scan: a whole table or index, or one of so many segments of it.
#include <fmt/format.h>

#include <algorithm>

#include "state/api/operations.h"
#include "state/api/outcome.h"
#include "state/api/read.h"

namespace sealane::state::api {
namespace {

constexpr std::string_view kExpressions[] = {"ProjectionExpression", "FilterExpression"};
constexpr std::string_view kLegacy[] = {"AttributesToGet", "ScanFilter", "ConditionalOperator"};

constexpr int64_t kSegmentsMax = 1'000'000;  // AWS, "Scan": TotalSegments

struct Segment {
  uint64_t number = 0, total = 1;
};

Outcome<Segment> check_segment(std::optional<int64_t> number, std::optional<int64_t> total) {
  if (number && !total) {
    return validation(
        "The TotalSegments parameter is required but was not present in the request when Segment "
        "parameter "
        "is present");
  }
  if (!total) return Segment{};
  if (!number) {
    return validation(
        "The Segment parameter is required but was not present in the request when parameter "
        "TotalSegments "
        "is present");
  }
  if (*number >= *total) {
    return validation(fmt::format(
        "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
        "Segment: {} is not less than TotalSegments: {}",
        *number, *total));
  }
  return Segment{uint64_t(*number), uint64_t(*total)};
}

// Keys begin with 16 bits of a hash, so segments are even shares of these. With more segments than
// hashes some are empty; the last hash then is the last segment's.
Range range_of(const Segment& segment) {
  constexpr uint64_t kHashes = 1 << 16;
  const auto bound = [&](uint64_t number) -> std::string {
    const uint64_t hash =
        std::min<uint64_t>(kHashes - 1, (kHashes * number + segment.total - 1) / segment.total);
    return {char(hash >> 8), char(hash)};
  };
  Range range;
  if (segment.number > 0) range.first = bound(segment.number);
  if (segment.number + 1 < segment.total) range.last = bound(segment.number + 1);
  return range;
}

}  // namespace

Outcome<Answer> scan(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  ReadRequest read = read_request(members, {kExpressions, kLegacy});
  read.is_backwards = false;
  const auto total = members.integer("TotalSegments", {.min = 1, .max = kSegmentsMax});
  const auto number = members.integer("Segment", {.min = 0, .max = kSegmentsMax - 1});
  SL_CHECK(mistakes.check());
  SL_CHECK(check_expression_kinds(members, {kExpressions, kLegacy}));
  SL_TRY(const Segment segment, check_segment(number, total));
  SL_TRY(table::Placeholders placeholders, read_placeholders(members));
  SL_CHECK(understand_read(members, read, placeholders, "ScanFilter"));
  SL_CHECK(lift(placeholders.check_all_used()));
  SL_CHECK(bind_read(call.engine, read));

  Range range = range_of(segment);
  SL_CHECK(start_behind(
      read, range,
      fmt::format("The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
                  "ExclusiveStartKey with correct Segment. TotalSegments: {} Segment: {}",
                  segment.total, segment.number)));
  return read_page(call.engine, read, range);
}

}  // namespace sealane::state::api
