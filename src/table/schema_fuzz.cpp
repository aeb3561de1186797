// SPDX-License-Identifier: Apache-2.0
// Any item as the description of a table, as it comes from other regions: what is one is written as
// an item that is the same table.
#include <cstdint>

#include "table/packed.h"
#include "table/schema.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto item = table::take_packed_item(bytes);
  if (!item) return 0;
  const auto described = table::table_from_item(*item);
  if (!described) return 0;
  const auto again = table::table_from_item(table::to_item(*described));
  SL_ASSERT(again && *again == *described);
  return 0;
}
