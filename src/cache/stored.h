// SPDX-License-Identifier: Apache-2.0
// An answer as the cache keeps it: the head as one wire image and the body, immutable, so that a
// hit is sent as views: head, a small tail of its own (Age, X-Cache, Connection), body.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/budget.h"
#include "cache/key.h"
#include "cache/policy.h"

namespace sealane::cache {

// Status line and end-to-end fields. Left out: hop-by-hop fields (RFC 9111 3.1), Age, X-Cache and
// Content-Length (which comes last in the image when the length is known). Date is added if the
// origin sent none (RFC 9110 6.6.1).
class Head {
 public:
  // `via` is appended to a Via field of the origin, or makes one; empty: left as it is.
  static Head make(const Got& got, std::string_view via);
  // The same with Content-Length: `body_bytes`.
  Head with_length(uint64_t body_bytes) const;

  uint16_t status() const { return status_; }
  // "HTTP/1.1 200 OK\r\n" fields, Content-Length if known; without the empty line.
  std::string_view image() const { return image_; }
  // Only the fields, without Content-Length.
  std::string_view field_lines() const {
    return std::string_view(image_).substr(fields_at_, fields_bytes_);
  }
  // "HTTP/1.1 304 Not Modified\r\n" and the fields that RFC 9110 15.4.5 wants.
  std::string_view not_modified_image() const { return not_modified_; }

  size_t field_count() const { return slices_.size(); }
  wire::http::Field field(size_t i) const;  // without Content-Length
  std::vector<wire::http::Field> fields() const;
  std::optional<std::string_view> find(std::string_view name) const;
  std::optional<std::string_view> etag() const;
  std::optional<WallTime> last_modified() const { return last_modified_; }
  std::optional<WallTime> date() const { return date_; }
  uint64_t memory_bytes() const;

 private:
  struct Slice {
    uint32_t name_at, name_bytes, value_at, value_bytes;
  };
  void add(std::string_view name, std::string_view value);
  void seal(WallTime now);

  uint16_t status_ = 0;
  uint32_t fields_at_ = 0, fields_bytes_ = 0;
  std::string image_, not_modified_;
  std::vector<Slice> slices_;
  int etag_ = -1;  // index into slices_
  std::optional<WallTime> last_modified_, date_;
};

struct Body {
  std::string bytes;
  Charge charge;
};

struct Stored {
  Head head;
  std::shared_ptr<const Body> body;
  Vary vary;
  Freshness freshness;
  Instant got_at;
  Charge charge;  // of the head; the body has its own

  uint64_t memory_bytes() const;
};

std::shared_ptr<const Stored> make_stored(std::shared_ptr<Budget> budget, Head head,
                                          std::shared_ptr<const Body> body, Vary vary,
                                          const Freshness& freshness, Instant got_at);

}  // namespace sealane::cache
