// SPDX-License-Identifier: Apache-2.0
// Gathers what one burst of bytes makes for the other side, so that head, chunks and end leave in
// one write. Small parts are copied, large ones stay where they are: in the loop's buffer, until
// the burst is over.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sealane::edge {

class Cork {
 public:
  void clear() {
    text_.clear();
    parts_.clear();
  }
  void add(std::span<const std::string_view> parts) {
    for (const std::string_view part : parts) {
      if (part.size() > kCopiedMax) {
        parts_.push_back({part.data(), 0, part.size()});
      } else {
        copy(part);
      }
    }
  }
  // For what does not live until the burst is over.
  void copy(std::string_view part) {
    if (!parts_.empty() && parts_.back().at == nullptr) {
      parts_.back().bytes += part.size();
    } else {
      parts_.push_back({nullptr, text_.size(), part.size()});
    }
    text_.append(part);
  }
  // Valid until the next call.
  std::span<const std::string_view> views() {
    views_.clear();
    for (const Part& part : parts_) {
      views_.push_back(part.at != nullptr
                           ? std::string_view(part.at, part.bytes)
                           : std::string_view(text_).substr(part.offset, part.bytes));
    }
    return views_;
  }

 private:
  static constexpr size_t kCopiedMax = 4096;
  struct Part {
    const char* at;  // nullptr: in text_ at `offset`
    size_t offset, bytes;
  };
  std::string text_;
  std::vector<Part> parts_;
  std::vector<std::string_view> views_;
};

}  // namespace sealane::edge
