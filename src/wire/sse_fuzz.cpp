// SPDX-License-Identifier: Apache-2.0
// Pieces or whole, the scanner sees the same events; and a comment put in where it says so changes
// none.
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "wire/sse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  sealane::wire::sse::Scanner whole, bytewise, commented;
  whole.feed(bytes);
  for (const char& c : bytes) {
    bytewise.feed({&c, 1});
    commented.feed({&c, 1});
    if (commented.between_events() && c == '\n') commented.feed(": ka\n\n");
  }
  SL_ASSERT(whole.event_count() == bytewise.event_count());
  SL_ASSERT(whole.between_events() == bytewise.between_events());
  SL_ASSERT(whole.event_count() == commented.event_count());
  return 0;
}
