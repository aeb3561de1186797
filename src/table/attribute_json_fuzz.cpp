// SPDX-License-Identifier: Apache-2.0
// Any JSON as an AttributeValue and as an item: what is taken is written, packed and read back as
// the same.
#include <cstdint>

#include "base/result.h"
#include "table/attribute_json.h"
#include "table/packed.h"
#include "table/size.h"

namespace {

using namespace sealane::table;

simdjson::dom::element parse(simdjson::dom::parser& parser, std::string_view json) {
  const auto document = parser.parse(simdjson::padded_string(json));
  SL_ASSERT(document.error() == simdjson::SUCCESS);
  return document.value_unsafe();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  simdjson::dom::parser parser, again;
  const simdjson::padded_string json(reinterpret_cast<const char*>(data), size);
  const auto document = parser.parse(json);
  if (document.error() != simdjson::SUCCESS) return 0;

  if (const auto value = value_from_json(document.value_unsafe())) {
    SL_ASSERT(depth(*value) <= kDepthMax);
    std::string written;
    append_json(written, *value);
    const auto read = value_from_json(parse(again, written));
    SL_ASSERT(read && *read == *value);
  } else {
    SL_ASSERT(!value.error().what.empty());
  }
  if (const auto item = item_from_json(document.value_unsafe())) {
    std::string written, packed, streamed;
    append_json(written, *item);
    const auto read = item_from_json(parse(again, written));
    SL_ASSERT(read && *read == *item);
    append_packed(packed, *item);
    std::string_view rest = packed;
    SL_ASSERT(append_packed_item_as_json(streamed, rest) && rest.empty());
    SL_ASSERT(streamed == written);
  }
  return 0;
}
