// SPDX-License-Identifier: Apache-2.0
// The same bytes give the same events however they are cut into pieces, and no bound is passed.
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "play/drill/sse_reader.h"

using sealane::play::drill::SseEvent;
using sealane::play::drill::SseReader;

namespace {
std::vector<std::string> read(std::string_view bytes, size_t piece) {
  std::vector<std::string> events;
  SseReader reader;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    reader.feed(bytes.substr(at, piece), [&](const SseEvent& e) {
      SL_ASSERT(e.data.size() <= SseReader::kDataBytesMax);
      SL_ASSERT(!e.type.empty());
      events.push_back(e.type + "\n" + e.id + "\n" + e.data);
    });
  }
  return events;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = read(bytes, bytes.size() + 1);
  SL_ASSERT(read(bytes, 1) == whole);
  SL_ASSERT(read(bytes, 7) == whole);
  return 0;
}
