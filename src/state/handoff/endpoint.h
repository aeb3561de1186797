// SPDX-License-Identifier: Apache-2.0
// The server that tables are handed to: where it is and what it wants to see, by its URL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/result.h"

namespace sealane::state {

// One host of it.
struct Place {
  std::string host;             // name or address, as a certificate has it
  std::string authority;        // the Host field: with the port, unless it is the scheme's own
  std::optional<IpAddress> ip;  // when the host is an address; else it is looked up
  uint16_t port = 0;
  bool tls = false;
  friend bool operator==(const Place&, const Place&) = default;
};

struct Endpoint {
  Place tables;
  Place streams;       // AWS serves DynamoDB Streams on a host of their own
  std::string target;  // of every request: "/", or the URL's path
  std::string region;  // of the signatures' scope
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// `signing_region` empty: the region that AWS's host names tell, or else the node's own. Error
// `invalid`.
Result<Endpoint> endpoint_of(std::string_view url, std::string_view signing_region,
                             std::string_view node_region);

// The region in one of AWS's host names ("dynamodb.eu-west-1.amazonaws.com"); empty: it is none of
// them.
std::string_view aws_region_of(std::string_view host);

}  // namespace sealane::state
