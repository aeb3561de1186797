// SPDX-License-Identifier: Apache-2.0
// What a node says of its conflicts is read, put together and shown.
#include "main/conflicts.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane::main;
  auto page = read_conflicts({reinterpret_cast<const char*>(data), size}, "127.1.0.1");
  if (!page) return 0;
  const auto joined = join_conflicts(std::move(page->conflicts), 100);
  for (const char c : render(joined)) {
    if (uint8_t(c) < 0x20 && c != '\n') __builtin_trap();
  }
  if (render_json(joined).empty()) __builtin_trap();
  for (const Conflict& one : joined) {
    if (parse_time(time_text(one.noticed_ms)) != one.noticed_ms) __builtin_trap();
  }
  return 0;
}
