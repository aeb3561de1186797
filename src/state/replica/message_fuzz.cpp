// SPDX-License-Identifier: Apache-2.0
// Any bytes as a message between nodes. The first byte says which: what parses is packed to bytes
// that parse to the same, and the packed form is the shortest there is.
#include <cstdint>

#include "base/result.h"
#include "state/replica/message.h"

namespace {

using namespace sealane;
using namespace sealane::state;

std::string packed(const LogMessage& message) {
  std::string out;
  begin_log_message(out, message.source, message.first, message.wants_ack, message.first_kept);
  for (const std::string_view entry : message.entries) append_log_entry(out, entry);
  return out;
}

template <typename Message>
std::string packed(const Message& message) {
  std::string out;
  append_packed(out, message);
  return out;
}

template <typename Message>
void check(std::string_view bytes, Result<Message> (*parse)(std::string_view)) {
  const Result<Message> message = parse(bytes);
  if (!message) return;
  const std::string once = packed(*message);
  SL_ASSERT(once.size() <= bytes.size());
  const Result<Message> again = parse(once);
  SL_ASSERT(again);
  SL_ASSERT(packed(*again) == once);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'l': check(bytes, parse_log_message); break;
    case 'h': check(bytes, parse_hello); break;
    case 'r': check(bytes, parse_reached); break;
    case 'n': check(bytes, parse_session_note); break;
    case 'g': check(bytes, parse_read_log); break;
    case 's': check(bytes, parse_read_snapshot); break;
    case 'p': check(bytes, parse_snapshot_page); break;
    default: break;
  }
  return 0;
}
