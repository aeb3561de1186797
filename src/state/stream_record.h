// SPDX-License-Identifier: Apache-2.0
// Stream records as the bytes that are stored.
#pragma once

#include <string>
#include <string_view>

#include "state/engine.h"

namespace sealane::state {

void append_packed(std::string& out, const StreamRecord& record);
// Error `corrupt`.
Result<StreamRecord> take_packed_stream_record(std::string_view& bytes);
// The same without its items: which one it is, and of when.
struct StreamRecordPlace {
  uint64_t sequence = 0, wall_ms = 0;
};
Result<StreamRecordPlace> place_of_packed_stream_record(std::string_view bytes);

}  // namespace sealane::state
