// SPDX-License-Identifier: Apache-2.0
// A resource record as data: what zone files hold, what the name server serves.
#pragma once

#include <cstdint>
#include <string>

namespace sealane::wire::dns {

struct Record {
  std::string
      owner;  // absolute name in presentation form, lower case, no final dot; "" is the root
  uint16_t type = 0;   // IANA RR type number, e.g. 1 = A
  uint32_t ttl_s = 0;
  std::string rdata;   // wire form, names uncompressed
  friend bool operator==(const Record&, const Record&) = default;
};

}  // namespace sealane::wire::dns
