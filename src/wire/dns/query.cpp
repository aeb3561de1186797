// SPDX-License-Identifier: Apache-2.0
#include "wire/dns/query.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/hash.h"

namespace sealane::wire::dns {
namespace {

using Verdict = Query::Verdict;

uint64_t load_word(const uint8_t* p) {
  uint64_t word;
  std::memcpy(&word, p, 8);
  return word;
}

// Lower-cases the eight bytes of a word at once: 0x20 is added to the bytes from 'A' to 'Z'.
uint64_t lower_word(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101, kHigh = 0x80 * kOnes;
  const uint64_t low7 = word & ~kHigh;
  const uint64_t from_a = low7 + (0x80 - 'A') * kOnes;      // high bit: >= 'A'
  const uint64_t past_z = low7 + (0x80 - 'Z' - 1) * kOnes;  // high bit: > 'Z'
  const uint64_t is_upper = from_a & ~past_z & ~word & kHigh;
  return word | is_upper >> 2;
}

// The question's name, uncompressed as RFC 1035 4.1.4 leaves it in a query (nothing stands before
// it).
bool parse_name(std::span<const uint8_t> packet, Query& query) {
  size_t at = kHeaderBytes;
  unsigned labels = 0;
  for (;;) {
    if (at >= packet.size()) return false;
    const uint8_t length = packet[at];
    if (length == 0) break;
    if (length > kLabelBytesMax) return false;
    at += size_t{length} + 1;
    ++labels;
    if (at - kHeaderBytes >= kNameBytesMax) return false;
  }
  const size_t bytes = at + 1 - kHeaderBytes;
  if (at + 1 + 4 > packet.size()) return false;
  const uint8_t* from = packet.data() + kHeaderBytes;
  size_t done = 0;
  for (; done + 8 <= bytes; done += 8) {
    const uint64_t word = lower_word(load_word(from + done));
    std::memcpy(query.name.data() + done, &word, 8);
  }
  if (done < bytes) {
    uint64_t word = 0;
    std::memcpy(&word, from + done, bytes - done);
    word = lower_word(word);
    std::memcpy(query.name.data() + done, &word, 8);
  }
  query.name_bytes = uint8_t(bytes);
  query.label_count = uint8_t(labels);
  query.type = load16(packet.data() + at + 1);
  query.klass = load16(packet.data() + at + 3);
  query.question_end = uint16_t(at + 5);
  return true;
}

// RFC 7871 6 and 7.1.1: family 1 or 2, no more than the family's bits, scope 0 in a query, exactly
// the bytes that the prefix needs, and zero bits behind it; else FORMERR.
bool parse_subnet(std::span<const uint8_t> data, Query& query) {
  if (data.size() < 4) return false;
  ClientSubnet subnet;
  subnet.family = load16(data.data());
  subnet.source_bits = data[2];
  const uint8_t scope_bits = data[3];
  const std::span<const uint8_t> address = data.subspan(4);
  if (subnet.family != 1 && subnet.family != 2) return false;
  const unsigned bits_max = subnet.family == 1 ? 32 : 128;
  if (subnet.source_bits > bits_max || scope_bits != 0) return false;
  if (address.size() != (subnet.source_bits + 7u) / 8) return false;
  if (subnet.source_bits % 8 != 0 && uint8_t(address.back() << subnet.source_bits % 8) != 0)
    return false;
  std::array<uint8_t, 16> bytes{};
  std::copy(address.begin(), address.end(), bytes.begin());
  subnet.address = subnet.family == 1 ? IpAddress::v4(bytes[0], bytes[1], bytes[2], bytes[3])
                                      : IpAddress::v6(bytes);
  if (query.subnet) return false;
  query.subnet = subnet;
  return true;
}

// RFC 7873 5.2.2: 8 bytes, or 16 to 40; every other length is FORMERR.
bool parse_cookie(std::span<const uint8_t> data, Query& query) {
  const bool alone = data.size() == kClientCookieBytes;
  const bool both = data.size() >= kClientCookieBytes + 8 &&
                    data.size() <= kClientCookieBytes + kServerCookieBytesMax;
  if (!alone && !both) return false;
  if (query.cookie) return true;  // 5.2: only the first one counts
  Cookie& cookie = query.cookie.emplace();
  std::copy_n(data.begin(), kClientCookieBytes, cookie.client.begin());
  std::copy(data.begin() + kClientCookieBytes, data.end(), cookie.server.begin());
  cookie.server_bytes = uint8_t(data.size() - kClientCookieBytes);
  return true;
}

bool parse_options(std::span<const uint8_t> data, Query& query) {
  while (!data.empty()) {
    if (data.size() < 4) return false;
    const uint16_t code = load16(data.data());
    const size_t bytes = load16(data.data() + 2);
    if (data.size() < 4 + bytes) return false;
    const std::span<const uint8_t> value = data.subspan(4, bytes);
    switch (code) {
      case OptionCode::ecs:
        if (!parse_subnet(value, query)) return false;
        break;
      case OptionCode::cookie:
        if (!parse_cookie(value, query)) return false;
        break;
      case OptionCode::nsid:
        query.wants_nsid = true;
        break;
      case OptionCode::tcp_keepalive:
        query.wants_keepalive = true;
        break;
      default:
        break;  // RFC 6891 6.1.2: options that are not known are ignored
    }
    data = data.subspan(4 + bytes);
  }
  return true;
}

// A record whose owner may be any name; its bytes are only stepped over, except for OPT.
Verdict parse_additional(std::span<const uint8_t> packet, size_t& at, Query& query) {
  const uint8_t* p = packet.data();
  bool root_owner = false;
  for (bool first = true;; first = false) {
    if (at >= packet.size()) return Verdict::formerr;
    const uint8_t length = p[at];
    if (length >= 0xc0) {
      at += 2;
      break;
    }
    if (length > kLabelBytesMax) return Verdict::formerr;
    at += size_t{length} + 1;
    if (length == 0) {
      root_owner = first;
      break;
    }
  }
  if (at + 10 > packet.size()) return Verdict::formerr;
  const uint16_t type = load16(p + at);
  const size_t data_bytes = load16(p + at + 8);
  const size_t data_at = at + 10;
  if (data_at + data_bytes > packet.size()) return Verdict::formerr;
  if (type == Type::opt) {
    if (!root_owner || query.edns) return Verdict::formerr;  // RFC 6891 6.1.1: one OPT, at the root
    query.edns = true;
    query.udp_bytes_max = std::max<uint16_t>(load16(p + at + 2), kUdpPlainBytesMax);
    query.dnssec_ok = (p[at + 6] & 0x80) != 0;
    if (p[at + 5] != 0) return Verdict::badvers;
    if (!parse_options(packet.subspan(data_at, data_bytes), query)) return Verdict::formerr;
  }
  at = data_at + data_bytes;
  return Verdict::ok;
}

// RFC 7873 5.4: no question, and an OPT with a COOKIE. The header has been read.
Verdict parse_cookie_only(std::span<const uint8_t> packet, Query& query) {
  const uint8_t* p = packet.data();
  if (load16(p + 6) != 0 || load16(p + 8) != 0) return Verdict::formerr;
  size_t at = kHeaderBytes;
  for (unsigned i = 0, count = load16(p + 10); i < count; ++i) {
    const Verdict verdict = parse_additional(packet, at, query);
    if (verdict != Verdict::ok) return verdict;
  }
  return query.cookie && at == packet.size() ? Verdict::cookie_only : Verdict::formerr;
}

}  // namespace

Query::Verdict parse_query(std::span<const uint8_t> packet, Query& query) {
  query.name_bytes = 0;
  query.question_end = kHeaderBytes;
  query.udp_bytes_max = kUdpPlainBytesMax;
  query.edns = query.dnssec_ok = query.wants_nsid = query.wants_keepalive = false;
  query.subnet.reset();
  query.cookie.reset();
  if (packet.size() < kHeaderBytes) return Verdict::drop;
  const uint8_t* p = packet.data();
  query.id = load16(p);
  query.flags = load16(p + 2);
  if (query.flags & Flag::qr) return Verdict::drop;  // an answer to an answer would be a loop
  if (Opcode(query.flags >> 11 & 15) != Opcode::query) return Verdict::notimp;
  const uint16_t question_count = load16(p + 4);
  const unsigned authority_count = load16(p + 8), additional_count = load16(p + 10);
  // RFC 9619: never more than one; none only with a cookie.
  if (question_count > 1) return Verdict::formerr;
  if (question_count == 0) return parse_cookie_only(packet, query);
  if (!parse_name(packet, query)) return Verdict::formerr;
  if (query.type == Type::opt || query.type == 0) return Verdict::formerr;
  // Only IXFR brings a record along, its SOA (RFC 1995 3); a query has no answers.
  if (load16(p + 6) != 0 || authority_count > (query.type == Type::ixfr ? 1 : 0))
    return Verdict::formerr;
  size_t at = query.question_end;
  // What a count promises needs 11 bytes a record, so a false one ends the loop early.
  for (unsigned i = 0; i < authority_count + additional_count; ++i) {
    const Verdict verdict = parse_additional(packet, at, query);
    if (verdict != Verdict::ok) return verdict;
  }
  return at == packet.size() ? Verdict::ok : Verdict::formerr;
}

uint64_t hash_name(const uint8_t* name, size_t bytes) {
  uint64_t h = bytes;
  const auto add = [&h](uint64_t word) {
    h = (h ^ word) * 0x9e3779b97f4a7c15;
    h ^= h >> 32;
  };
  for (; bytes >= 8; bytes -= 8, name += 8) add(load_word(name));
  if (bytes > 0) add(load_word(name) & (~uint64_t{0} >> (64 - 8 * bytes)));
  return mix64(h);
}

static_assert(std::endian::native == std::endian::little);

}  // namespace sealane::wire::dns
