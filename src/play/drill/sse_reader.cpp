// SPDX-License-Identifier: Apache-2.0
#include "play/drill/sse_reader.h"

#include <algorithm>
#include <utility>

namespace sealane::play::drill {

bool SseReader::take(char c) {
  const bool follows_cr = after_cr_;
  after_cr_ = c == '\r';
  if (c == '\n' && follows_cr) return false;
  if (c == '\n' || c == '\r') return end_line();
  if (line_.size() < kLineBytesMax) {
    line_ += c;
  } else {
    line_cut_ = true;
  }
  return false;
}

bool SseReader::end_line() {
  const std::string line = std::exchange(line_, {});
  const bool cut = std::exchange(line_cut_, false);
  if (line.empty()) {
    if (has_data_) return true;
    event_ = {};  // an event without data is dropped, as the standard has it
    return false;
  }
  const size_t colon = std::min(line.find(':'), line.size());
  const std::string_view field = std::string_view(line).substr(0, colon);
  std::string_view value = std::string_view(line).substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_ && event_.data.size() < kDataBytesMax) event_.data += '\n';
    const size_t room = kDataBytesMax - event_.data.size();
    event_.data += value.substr(0, room);
    event_.is_cut = event_.is_cut || cut || value.size() > room;
    has_data_ = true;
  } else if (field == "event") {
    event_.type = value.empty() ? "message" : value;
  } else if (field == "id" && value.find('\0') == value.npos) {
    event_.id = value;
  }
  return false;
}

}  // namespace sealane::play::drill
