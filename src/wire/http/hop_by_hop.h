// SPDX-License-Identifier: Apache-2.0
// Fields that speak of one connection only and are never forwarded (RFC 9110 7.6.1).
#pragma once

#include <boost/container/static_vector.hpp>
#include <string_view>

#include "wire/http/head.h"

namespace sealane::wire::http {

// The set for one message: the well-known names and those that its Connection fields list.
class HopByHop {
 public:
  static constexpr size_t kNamesMax = 16;  // listed by one message

  explicit HopByHop(std::span<const Field> fields);
  // True: do not forward this field.
  bool drops(std::string_view name) const;
  // More names listed than kNamesMax: refuse the message rather than forward one of them.
  bool overflowed() const { return overflowed_; }

 private:
  boost::container::static_vector<std::string_view, kNamesMax> listed_;
  bool overflowed_ = false;
};

}  // namespace sealane::wire::http
