// SPDX-License-Identifier: Apache-2.0
// Any bytes get a verdict, and the same one however they are cut.
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "health/probe_answer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sealane::health::Needle;
  using sealane::health::ProbeAnswer;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const char* text : {"", "ok", "aabaab"}) {
    const Needle needle(text);
    ProbeAnswer whole(needle), cut(needle);
    const auto early = whole.take(bytes);
    const auto verdict = whole.end();
    SL_ASSERT(!early || *early == verdict);
    for (size_t i = 0, step = 1; i < size; i += step, step = step % 7 + 1)
      cut.take(bytes.substr(i, step));
    SL_ASSERT(cut.end() == verdict);
    SL_ASSERT(cut.status() == whole.status());
    SL_ASSERT(verdict != sealane::view::Outcome::ok ||
              (whole.status() >= 200 && whole.status() < 400));
  }
  return 0;
}
