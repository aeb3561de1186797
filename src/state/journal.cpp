// SPDX-License-Identifier: Apache-2.0
#include "state/journal.h"

#include "table/packed.h"

namespace sealane::state {
namespace {

enum class Kept : uint8_t { nothing, value, elsewhere };

void append_stamp(std::string& out, const table::Stamp& stamp) {
  table::append_varint(out, stamp.hlc);
  table::append_varint(out, stamp.source);
}

bool take_stamp(std::string_view& bytes, table::Stamp& stamp) {
  uint64_t source = 0;
  if (!table::take_varint(bytes, stamp.hlc) || !table::take_varint(bytes, source) ||
      source > UINT32_MAX)
    return false;
  stamp.source = table::Source(source);
  return true;
}

}  // namespace

void append_packed(std::string& out, const Lost& lost) {
  table::append_varint(out, lost.sequence);
  table::append_varint(out, lost.wall_ms);
  table::append_bytes(out, lost.table_name);
  table::append_packed(out, lost.key);
  table::append_bytes(out, lost.what.attribute);
  append_stamp(out, lost.what.lost);
  append_stamp(out, lost.what.won);
  table::append_packed(out, lost.what.value);
  const Kept kept = lost.what.kept           ? Kept::value
                    : lost.what.is_elsewhere ? Kept::elsewhere
                                             : Kept::nothing;
  out += char(kept);
  if (lost.what.kept) table::append_packed(out, *lost.what.kept);
}

Result<Lost> take_packed_lost(std::string_view& bytes) {
  const auto corrupt = [] {
    return fail(Code::corrupt, "an entry of the conflict journal does not read back");
  };
  Lost lost;
  std::string_view name, attribute;
  if (!table::take_varint(bytes, lost.sequence) || !table::take_varint(bytes, lost.wall_ms) ||
      !table::take_bytes(bytes, name)) {
    return corrupt();
  }
  lost.table_name = name;
  SL_TRY(lost.key, table::take_packed_item(bytes));
  if (!table::take_bytes(bytes, attribute) || !take_stamp(bytes, lost.what.lost) ||
      !take_stamp(bytes, lost.what.won)) {
    return corrupt();
  }
  lost.what.attribute = attribute;
  SL_TRY(lost.what.value, table::take_packed(bytes));
  if (bytes.empty()) {  // of a version that did not keep it
    lost.what.is_elsewhere = true;
    return lost;
  }
  const auto kept = Kept(bytes.front());
  bytes.remove_prefix(1);
  if (kept > Kept::elsewhere) return corrupt();
  lost.what.is_elsewhere = kept == Kept::elsewhere;
  if (kept == Kept::value) {
    SL_TRY(lost.what.kept, table::take_packed(bytes));
  }
  return lost;
}

}  // namespace sealane::state
