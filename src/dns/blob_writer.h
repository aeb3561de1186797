// SPDX-License-Identifier: Apache-2.0
// Writes the part of an answer behind the question, with the names of one zone compressed against
// an anchor: the apex or the delegated name, which stands at the end of every question that gets
// this answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dns/authority.h"

namespace sealane::dns {

struct RecordSet {
  uint16_t type = 0;
  uint32_t ttl_s = 0;
  std::vector<std::string> rdata;  // wire form
};

enum class Section : uint8_t { answer, authority, additional };

class BlobWriter {
 public:
  // `anchor`: wire form, lower case.
  explicit BlobWriter(std::string anchor) : anchor_(std::move(anchor)) {}

  // All records of the set. An empty owner is the question's name.
  void add(Section section, std::string_view owner, const RecordSet& set);
  // Where the data of the last record begins.
  size_t last_data_at() const { return last_data_at_; }
  size_t size() const { return bytes_.size(); }

  Blob head;  // kind, rcode, flags and counts; the rest is filled in by the builder
  const std::string& bytes() const { return bytes_; }
  const std::vector<uint16_t>& patches() const { return patches_; }
  const std::string& anchor() const { return anchor_; }

 private:
  void name(std::string_view wire, bool compress);
  void data(uint16_t type, std::string_view rdata);

  std::string anchor_;
  std::string bytes_;
  std::vector<uint16_t> patches_;
  size_t last_data_at_ = 0;
};

}  // namespace sealane::dns
