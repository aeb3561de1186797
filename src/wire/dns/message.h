// SPDX-License-Identifier: Apache-2.0
// Whole DNS messages as structs: decoding of answers for the stub resolver and the tests, writing
// for slow paths. The name server's own answers do not pass through here; they are compiled ahead.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/dns/query.h"
#include "wire/dns/record.h"
#include "wire/dns/types.h"

namespace sealane::wire::dns {

struct Question {
  std::string name;  // presentation form as it came, case kept, no final dot
  uint16_t type = 0;
  uint16_t klass = Class::in;
  friend bool operator==(const Question&, const Question&) = default;
};

struct Option {
  uint16_t code = 0;
  std::string value;  // as on the wire
};

struct Edns {
  uint16_t udp_bytes_max = kUdpEdnsBytesMax;
  uint8_t version = 0;
  bool dnssec_ok = false;
  std::vector<Option> options;
  const Option* find(uint16_t code) const;
};

struct Message {
  uint16_t id = 0;
  uint16_t flags = 0;            // Flag::*, with opcode and the low four bits of the rcode
  Rcode rcode = Rcode::noerror;  // with OPT's part
  std::vector<Question> questions;
  std::vector<Record> answers, authorities, additionals;  // without OPT; owners in lower case
  std::optional<Edns> edns;

  bool is(uint16_t flag) const { return (flags & flag) != 0; }
  // SCOPE PREFIX-LENGTH of the ECS option, if there is one (RFC 7871 6).
  std::optional<uint8_t> ecs_scope_bits() const;
};

// Reads a whole message, queries as well as answers. Every byte must belong to something.
Result<Message> decode_message(std::span<const uint8_t> bytes);
// The reverse; owner names are compressed against the first question, data is not.
Result<std::string> encode_message(const Message& message);

struct QueryOptions {
  uint16_t id = 0;
  bool recursion_desired = false;
  bool edns = false;  // the following need it and switch it on
  uint16_t udp_bytes_max = kUdpEdnsBytesMax;
  std::optional<Prefix> subnet;  // ECS
  bool nsid = false;
  std::string cookie;  // 8 bytes, or 8 + the server's part
};
// A query packet, ready to send.
Result<std::string> make_query(std::string_view name, uint16_t type, const QueryOptions& options);

// The ECS option's value for this prefix; `scope_bits` is 0 in a query.
std::string ecs_value(const Prefix& subnet, uint8_t scope_bits);

}  // namespace sealane::wire::dns
