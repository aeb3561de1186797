// SPDX-License-Identifier: Apache-2.0
// Any bytes as the key of each kind of table: what reads back encodes to the same bytes.
#include <cstdint>

#include "base/result.h"
#include "table/key.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane::table;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const Type hash : {Type::S, Type::N, Type::B}) {
    std::string_view value_rest = bytes;
    if (const auto value = take_ordered(value_rest, hash)) {
      std::string again;
      append_ordered(again, *value);
      SL_ASSERT(again == bytes.substr(0, bytes.size() - value_rest.size()));
      // The same with the hash it should have: random bytes seldom carry it.
      const std::string key = encode_key(*value, nullptr);
      std::string_view key_rest = key;
      const auto taken = take_key(key_rest, {.hash = {"h", hash}, .range = {}});
      SL_ASSERT(taken && key_rest.empty() && *taken->find("h") == *value);
    }
    for (const Type range : {Type::S, Type::N, Type::B}) {
      const KeySchema schema{.hash = {"h", hash}, .range = {{"r", range}}};
      std::string_view rest = bytes;
      const auto key = take_key(rest, schema);
      if (key) SL_ASSERT(key_of(*key, schema) == bytes.substr(0, bytes.size() - rest.size()));
    }
  }
  const std::string after = after_prefix(std::string(bytes));
  SL_ASSERT(after.empty() || after > bytes);
  return 0;
}
