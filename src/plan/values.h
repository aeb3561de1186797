// SPDX-License-Identifier: Apache-2.0
// The single values of a world file, from text: durations, sizes, numbers, names, URLs. Errors say
// what is allowed, not where: the caller knows the place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/result.h"
#include "base/time.h"

namespace sealane::plan {

// "100ms", "5s", "1m", "1h", "1d"; a bare "0". At most 10 years.
std::optional<Duration> parse_duration(std::string_view text);
std::string to_text(Duration duration);  // in the largest unit that holds it exactly

// "4096", "64KiB", "16MiB", "2GiB"; "B" may be written.
std::optional<uint64_t> parse_bytes(std::string_view text);
std::string bytes_text(uint64_t bytes);

std::optional<int64_t> parse_integer(std::string_view text);  // decimal
std::optional<double> parse_number(std::string_view text);    // finite

// A host name in lower case without its final dot: labels of letters, digits, hyphens and
// underscores, 63 bytes each, 253 together, and a last label that is not all digits (RFC 1123 2.1).
Result<std::string> parse_host_name(std::string_view text);

struct Url {
  bool tls = false;
  std::string
      host;  // as the Host header has it, without the port: name, or address (in [] for IPv6)
  std::string authority;        // host, and the port unless it is the scheme's own
  std::optional<IpAddress> ip;  // when the host is an address
  uint16_t port = 80;
  std::string path;  // without the last slash, mostly empty
};
// "http://host[:port][/path]" or https; no user, query or fragment.
Result<Url> parse_url(std::string_view text);

// A path as a request line may carry it: from '/', of the bytes that RFC 3986 3.3 allows.
bool is_path(std::string_view text);

}  // namespace sealane::plan
