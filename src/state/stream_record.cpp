// SPDX-License-Identifier: Apache-2.0
#include "state/stream_record.h"

#include "table/packed.h"

namespace sealane::state {

void append_packed(std::string& out, const StreamRecord& record) {
  out += char(uint8_t(record.kind) | (record.is_expiry ? 0x80 : 0));
  table::append_varint(out, record.sequence);
  table::append_varint(out, record.wall_ms);
  for (const table::Item* item : {&record.keys, &record.before, &record.after})
    table::append_packed(out, *item);
}

Result<StreamRecord> take_packed_stream_record(std::string_view& bytes) {
  const auto corrupt = [] { return fail(Code::corrupt, "a stream record does not read back"); };
  if (bytes.empty()) return corrupt();
  const uint8_t kind = uint8_t(bytes.front()) & 0x7f;
  StreamRecord record{.is_expiry = (uint8_t(bytes.front()) & 0x80) != 0};
  bytes.remove_prefix(1);
  if (kind > 2) return corrupt();
  record.kind = StreamRecord::Kind(kind);
  if (!table::take_varint(bytes, record.sequence) || !table::take_varint(bytes, record.wall_ms))
    return corrupt();
  for (table::Item* item : {&record.keys, &record.before, &record.after}) {
    SL_TRY(*item, table::take_packed_item(bytes));
  }
  return record;
}

Result<StreamRecordPlace> place_of_packed_stream_record(std::string_view bytes) {
  StreamRecordPlace place;
  if (!bytes.empty()) bytes.remove_prefix(1);
  if (!table::take_varint(bytes, place.sequence) || !table::take_varint(bytes, place.wall_ms))
    return fail(Code::corrupt, "a stream record does not read back");
  return place;
}

}  // namespace sealane::state
