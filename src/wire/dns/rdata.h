// SPDX-License-Identifier: Apache-2.0
// Record data between master-file text and wire form, by a table of layouts: A AAAA NS CNAME SOA
// PTR MX TXT SRV CAA SVCB HTTPS HINFO NAPTR DS SSHFP TLSA, and every other type as RFC 3597 writes
// it (\# 2 abcd).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/result.h"

namespace sealane::wire::dns {

// One word of a master file. In a quoted word, and in `text` of any, escapes stand as they were
// written.
struct Token {
  std::string text;
  bool quoted = false;
};

// The record data that these words say; names without a final dot continue with `origin` (wire
// form).
Result<std::string> rdata_from_text(uint16_t type, std::span<const Token> words,
                                    std::string_view origin);
// For people and for tests: one line, as a master file has it, names with their final dot.
std::string rdata_to_text(uint16_t type, std::string_view rdata);
// The `bytes` of record data at `at` of a message, with compressed names written out. An error when
// the data does not have the shape of its type.
Result<std::string> rdata_from_message(uint16_t type, std::span<const uint8_t> message, size_t at,
                                       size_t bytes);

// Where the name that a record points to begins in its data: CNAME, NS, PTR 0, MX 2, SRV 6; else
// nothing.
std::optional<size_t> target_offset(uint16_t type);

std::string address_rdata(const IpAddress& ip);

// Seconds: "300", "5m", "1h30m", "2w" (BIND's units); nothing for anything else or above 2^31-1.
std::optional<uint32_t> parse_ttl(std::string_view text);

// The bytes of a <character-string> with its escapes resolved.
Result<std::string> unescape(std::string_view text);

}  // namespace sealane::wire::dns
