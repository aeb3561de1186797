// SPDX-License-Identifier: Apache-2.0
// Any bytes as two packed records, as they come from the disk and from other nodes. What reads back
// is packed to bytes that read back as the same; the ways that read without building agree with the
// one that builds; and joining two of them gives one that is packed and read as any other, and is
// not changed by joining again. That the order does not matter holds for records that writers make,
// whose stamps are unique: record_test.cpp has that.
#include <cstdint>

#include "table/attribute_json.h"
#include "table/record.h"

namespace {

using namespace sealane;
using namespace sealane::table;

std::string packed(const Record& record) {
  std::string out;
  append_packed(out, record);
  return out;
}

void check_round_trip(const Record& record) {
  const std::string bytes = packed(record);
  std::string_view rest = bytes;
  const auto again = take_packed_record(rest);
  SL_ASSERT(again && rest.empty() && *again == record);
  SL_ASSERT(packed(*again) == bytes);
}

void check_reading(const Record& record) {
  const std::string bytes = packed(record);
  const Item item = item_of(record);
  SL_ASSERT(exists_packed(bytes) == record.exists());
  std::string streamed, written;
  const auto exists = append_packed_record_as_json(streamed, bytes);
  SL_ASSERT(exists && *exists == record.exists());
  append_json(written, item);
  if (*exists) SL_ASSERT(streamed == written);
  for (const Cell& cell : record.cells) {
    const auto found = find_in_packed_record(bytes, cell.name);
    SL_ASSERT(found);
    const Value* expected = item.find(cell.name);
    SL_ASSERT(found->has_value() == (expected != nullptr));
    if (expected) SL_ASSERT(**found == *expected);
  }
}

// As writers make them: the reader also accepts, say, an element that stands twice in its list.
bool is_as_written(const Record& record) {
  Record twice = record;
  join(twice, record);
  return twice == record;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string_view rest = bytes;
  const auto one = take_packed_record(rest);
  if (!one) return 0;
  check_round_trip(*one);
  check_reading(*one);
  const auto other = take_packed_record(rest);
  if (!other) return 0;
  Record joined = *one;
  join(joined, *other);
  check_round_trip(joined);
  check_reading(joined);
  if (!is_as_written(*one) || !is_as_written(*other)) return 0;
  Record again = joined;
  join(again, *other);
  SL_ASSERT(again == joined);
  return 0;
}
