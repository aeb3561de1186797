// SPDX-License-Identifier: Apache-2.0
// Any bytes as packed values: what reads back packs to the same bytes; the tree, the step over and
// the JSON agree.
#include <cstdint>

#include "base/result.h"
#include "table/attribute_json.h"
#include "table/packed.h"

namespace {

using namespace sealane::table;

void value(std::string_view bytes) {
  std::string_view tree_rest = bytes, skip_rest = bytes, json_rest = bytes;
  const auto tree = take_packed(tree_rest);
  const bool has_skipped = skip_packed(skip_rest);
  std::string streamed;
  const bool has_streamed = append_packed_as_json(streamed, json_rest);
  SL_ASSERT(has_streamed == tree.has_value());
  if (!tree) return;
  SL_ASSERT(has_skipped && skip_rest == tree_rest && json_rest == tree_rest);
  std::string again, written;
  append_packed(again, *tree);
  SL_ASSERT(again == bytes.substr(0, bytes.size() - tree_rest.size()));
  append_json(written, *tree);
  SL_ASSERT(written == streamed);
}

void item(std::string_view bytes) {
  std::string_view tree_rest = bytes, json_rest = bytes;
  const auto tree = take_packed_item(tree_rest);
  std::string streamed;
  SL_ASSERT(append_packed_item_as_json(streamed, json_rest) == tree.has_value());
  if (!tree) return;
  std::string again, written;
  append_packed(again, *tree);
  SL_ASSERT(again == bytes.substr(0, bytes.size() - tree_rest.size()));
  append_json(written, *tree);
  SL_ASSERT(written == streamed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  value(bytes);
  item(bytes);
  return 0;
}
