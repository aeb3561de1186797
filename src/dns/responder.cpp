// SPDX-License-Identifier: Apache-2.0
#include "dns/responder.h"

#include <algorithm>
#include <cstring>

#include "dns/cookie.h"
#include "wire/dns/svcb.h"

namespace sealane::dns {

using wire::dns::Class;
using wire::dns::Ede;
using wire::dns::Flag;
using wire::dns::kHeaderBytes;
using wire::dns::kOptBytes;
using wire::dns::OptionCode;
using wire::dns::Query;
using wire::dns::Rcode;
using wire::dns::store16;
using wire::dns::store32;
using wire::dns::Type;

namespace {

constexpr uint16_t kQuestionPointer = 0xc000 | kHeaderBytes;
const char* extended_error_text(uint16_t code) {
  switch (code) {
    case Ede::not_authoritative:
      return "not a zone of this server";
    case Ede::not_supported:
      return "zone transfers are not offered";
    case Ede::no_reachable_authority:
      return "every endpoint is down";
    default:
      return "";
  }
}

}  // namespace

// An answer while it is made: header and question stand, records are appended.
struct Responder::Draft {
  const Query& query;
  const Asker& asker;
  std::span<const uint8_t> packet;
  std::span<uint8_t> reply;
  size_t limit = 0;  // of the whole message, bytes
  size_t at = 0;     // bytes written
  uint16_t answer_count = 0, authority_count = 0, additional_count = 0;
  Rcode rcode = Rcode::noerror;
  Kind kind = Kind::answer;
  bool authoritative = false;
  bool truncated = false;
  bool cookie_valid = false;
  bool echo_options = true;  // ECS, cookie and NSID; not after FORMERR and BADVERS
  uint8_t scope_bits = 0;
  uint16_t extended_error = 0;  // 0: none
  ServerCookie server_cookie{};

  bool has_room(size_t bytes) {
    if (at + bytes <= limit) return true;
    truncated = true;
    return false;
  }
  void fail(Rcode code, uint16_t extended = 0) {
    rcode = code;
    kind = Kind::error;
    authoritative = false;
    extended_error = extended;
  }
};

Responder::Responder(ResponderOptions options, Dice& dice, port::Meter& meter)
    : options_(std::move(options)),
      dice_(dice),
      limiter_(0, dice.roll()),
      badvers_(meter.counter("sealane_dns_responses_total", "rcode=\"BADVERS\"")),
      badcookie_(meter.counter("sealane_dns_responses_total", "rcode=\"BADCOOKIE\"")),
      dropped_(meter.counter("sealane_dns_dropped_total")),
      truncated_(meter.counter("sealane_dns_truncated_total")),
      limited_(meter.counter("sealane_dns_rate_limited_total")) {
  set_nsid(std::move(options_.nsid));
  queries_ = {&meter.counter("sealane_dns_queries_total", "transport=\"udp\""),
              &meter.counter("sealane_dns_queries_total", "transport=\"tcp\"")};
  for (uint16_t i = 0; i < responses_.size(); ++i) {
    const std::string label = "rcode=\"" + std::string(name(Rcode(i))) + "\"";
    responses_[i] = &meter.counter("sealane_dns_responses_total", label);
  }
}

void Responder::set_nsid(std::string nsid) {
  options_.nsid = std::move(nsid);
  options_.nsid.resize(std::min(options_.nsid.size(), plan::Dns::kNsidBytesMax));
}

void Responder::adopt(std::shared_ptr<const Authority> authority, const plan::Plan& plan,
                      const view::View& view) {
  authority_ = std::move(authority);
  plan_ = &plan;
  steering_.adopt(plan, view);
  limiter_.set_limit(plan.dns.responses_per_second_max);
}

size_t Responder::answer(std::span<const uint8_t> packet, const Asker& asker,
                         std::span<uint8_t> reply) {
  queries_[size_t(asker.transport)]->add();
  const Query::Verdict verdict = parse_query(packet, query_);
  if (verdict == Query::Verdict::drop || reply.size() < kReplyBytesMin) {
    dropped_.add();
    return 0;
  }
  Draft draft{.query = query_, .asker = asker, .packet = packet, .reply = reply};
  const size_t client_max =
      asker.transport == Transport::tcp ? wire::dns::kMessageBytesMax
      : query_.edns ? std::min<size_t>(query_.udp_bytes_max, wire::dns::kUdpEdnsBytesMax)
                    : wire::dns::kUdpPlainBytesMax;
  draft.limit = std::min(client_max, reply.size());
  std::memcpy(reply.data(), packet.data(), query_.question_end);
  draft.at = query_.question_end;
  draft.echo_options = verdict == Query::Verdict::ok || verdict == Query::Verdict::cookie_only;
  if (query_.edns) draft.limit -= opt_bytes(draft);
  switch (verdict) {
    case Query::Verdict::formerr:
      draft.fail(Rcode::formerr);
      break;
    case Query::Verdict::notimp:
      draft.fail(Rcode::notimp);
      break;
    case Query::Verdict::badvers:
      draft.fail(Rcode::badvers);
      break;
    case Query::Verdict::cookie_only:
      answer_cookie(draft);
      break;
    default:
      take_cookie(draft);
      answer_question(draft);
  }
  return finish(draft);
}

void Responder::take_cookie(Draft& draft) const {
  const Query& query = draft.query;
  if (!query.cookie || !options_.cookie_secret) return;
  const CookieCheck check =
      check_cookie(*options_.cookie_secret, *query.cookie, draft.asker.ip, draft.asker.unix_s);
  draft.cookie_valid = check.valid;
  draft.server_cookie = check.reply;
}

// RFC 7873 5.4: without a question; the cookie that is sent along is confirmed or given anew.
void Responder::answer_cookie(Draft& draft) const {
  if (!options_.cookie_secret) {  // no cookies here, so it is no more than a query without question
    draft.echo_options = false;
    return draft.fail(Rcode::formerr);
  }
  take_cookie(draft);
  draft.kind = Kind::nodata;
  if (draft.query.cookie->server_bytes > 0 && !draft.cookie_valid) draft.fail(Rcode::badcookie);
}

void Responder::answer_question(Draft& draft) {
  const Query& query = draft.query;
  if (query.klass != Class::in) {
    if (query.klass == Class::chaos) return answer_chaos(draft);
    return draft.fail(Rcode::refused);
  }
  if (query.type == Type::axfr || query.type == Type::ixfr)
    return draft.fail(Rcode::refused, Ede::not_supported);
  const Blob* blob = authority_->find(query);
  if (blob == nullptr) return draft.fail(Rcode::refused, Ede::not_authoritative);
  answer_blob(draft, *blob);
}

void Responder::answer_blob(Draft& draft, const Blob& blob) {
  draft.rcode = blob.rcode;
  draft.kind = blob.kind;
  draft.authoritative = blob.authoritative;
  if (append_blob(draft, blob) && blob.group != Blob::kNotSteered) append_steered(draft, blob);
}

bool Responder::append_blob(Draft& draft, const Blob& blob) {
  if (!draft.has_room(blob.bytes)) return false;
  uint8_t* const out = draft.reply.data() + draft.at;
  const std::span<const uint8_t> bytes = authority_->bytes_of(blob);
  std::memcpy(out, bytes.data(), bytes.size());
  if (blob.patch_count > 0) {
    const uint16_t pointer =
        uint16_t(0xc000 | (kHeaderBytes + draft.query.name_bytes - blob.anchor_bytes));
    for (const uint16_t at : authority_->patches_of(blob)) store16(out + at, pointer);
  }
  draft.at += bytes.size();
  draft.answer_count = uint16_t(draft.answer_count + blob.answer_count);
  draft.authority_count = uint16_t(draft.authority_count + blob.authority_count);
  draft.additional_count = uint16_t(draft.additional_count + blob.additional_count);
  return true;
}

void Responder::append_steered(Draft& draft, const Blob& blob) {
  const Query& query = draft.query;
  // RFC 7871 7.2.1: a source length of 0 says "not by my address"; the resolver's own then counts.
  const bool by_subnet = query.subnet && query.subnet->source_bits > 0;
  const IpAddress& client = by_subnet ? query.subnet->address : draft.asker.ip;
  uint8_t scope_bits = 0;
  const Addresses& addresses =
      steering_.choose(plan::GroupId(uint16_t(blob.group)), client, dice_, scope_bits);
  draft.scope_bits = by_subnet ? scope_bits : 0;
  if (addresses.refused) {
    draft.at = query.question_end;
    draft.answer_count = draft.authority_count = draft.additional_count = 0;
    return draft.fail(Rcode::servfail, Ede::no_reachable_authority);
  }
  const uint16_t owner = blob.steered_owner == 0
                             ? kQuestionPointer
                             : uint16_t(0xc000 | (query.question_end + blob.steered_owner));
  const uint16_t count_before = draft.answer_count;
  switch (query.type) {
    case Type::a:
      append_addresses(draft, addresses.v4, owner, addresses.ttl_s);
      break;
    case Type::aaaa:
      append_addresses(draft, addresses.v6, owner, addresses.ttl_s);
      break;
    default:
      append_https(draft, addresses, owner);
  }
  if (draft.answer_count > count_before || draft.truncated) return;
  // No address of this family. The next choice may have one, so this is not kept for longer than a
  // choice.
  const size_t soa_at = draft.at;
  const Blob& soa = authority_->soa_of(blob.zone);
  if (!append_blob(draft, soa)) return;
  if (draft.answer_count == 0) draft.kind = Kind::nodata;
  uint8_t* const ttl = draft.reply.data() + soa_at + authority_->soa_ttl_at(blob.zone);
  if (soa.bytes > 0) store32(ttl, std::min(wire::dns::load32(ttl), addresses.ttl_s));
}

void Responder::append_addresses(Draft& draft, std::span<const IpAddress> list, uint16_t owner,
                                 uint32_t ttl_s) {
  for (const IpAddress& ip : list) {
    if (!draft.has_room(12 + ip.size())) return;
    uint8_t* out = draft.reply.data() + draft.at;
    out = store16(out, owner);
    out = store16(out, ip.is_v4() ? Type::a : Type::aaaa);
    out = store16(out, Class::in);
    out = store32(out, ttl_s);
    out = store16(out, uint16_t(ip.size()));
    std::memcpy(out, ip.bytes().data(), ip.size());
    draft.at += 12 + ip.size();
    ++draft.answer_count;
  }
}

// RFC 9460: priority 1, target "." (the owner itself), http/1.1, the port where it is not 443, and
// the addresses as hints, so that a browser needs no second question.
void Responder::append_https(Draft& draft, const Addresses& addresses, uint16_t owner) {
  static constexpr std::string_view kAlpn("\x08http/1.1");
  const uint16_t port = plan_->ports.https;
  const size_t bytes = 3 + 4 + kAlpn.size() + (port != 443 ? 6 : 0) +
                       (addresses.v4.empty() ? 0 : 4 + 4 * addresses.v4.size()) +
                       (addresses.v6.empty() ? 0 : 4 + 16 * addresses.v6.size());
  if ((addresses.v4.empty() && addresses.v6.empty()) || !draft.has_room(12 + bytes)) return;
  uint8_t* out = draft.reply.data() + draft.at;
  out = store16(out, owner);
  out = store16(out, Type::https);
  out = store16(out, Class::in);
  out = store32(out, addresses.ttl_s);
  out = store16(out, uint16_t(bytes));
  out = store16(out, 1);
  *out++ = 0;
  out = store16(store16(out, wire::dns::SvcKey::alpn), uint16_t(kAlpn.size()));
  out = std::copy(kAlpn.begin(), kAlpn.end(), out);
  if (port != 443) out = store16(store16(store16(out, wire::dns::SvcKey::port), 2), port);
  const auto hints = [&out](uint16_t key, std::span<const IpAddress> list) {
    if (list.empty()) return;
    out = store16(store16(out, key), uint16_t(list.size() * list[0].size()));
    for (const IpAddress& ip : list) out = std::ranges::copy(ip.bytes(), out).out;
  };
  hints(wire::dns::SvcKey::ipv4hint, addresses.v4);
  hints(wire::dns::SvcKey::ipv6hint, addresses.v6);
  draft.at += 12 + bytes;
  ++draft.answer_count;
}

// RFC 4892 3: TXT of id.server. in class CH names this node, as NSID does. What software it is, is
// nobody's business (version.bind is refused).
void Responder::answer_chaos(Draft& draft) {
  static constexpr std::string_view kIdServer("\2id\6server\0", 11);
  const Query& query = draft.query;
  const bool asks_id = query.name_bytes == kIdServer.size() &&
                       std::memcmp(query.name.data(), kIdServer.data(), kIdServer.size()) == 0;
  const size_t bytes = options_.nsid.size();
  if (!asks_id || query.type != Type::txt || bytes == 0) return draft.fail(Rcode::refused);
  if (!draft.has_room(13 + bytes)) return;
  uint8_t* out = draft.reply.data() + draft.at;
  out = store16(store16(store16(out, kQuestionPointer), Type::txt), Class::chaos);
  out = store16(store32(out, 0), uint16_t(bytes + 1));
  *out++ = uint8_t(bytes);
  std::ranges::copy(options_.nsid, out);
  draft.at += 13 + bytes;
  draft.answer_count = 1;
  draft.authoritative = true;
}

// Size of the OPT record that write_opt() will make, without an extended error: those come with an
// answer that has no records, where even all options together fit into kReplyBytesMin.
size_t Responder::opt_bytes(const Draft& draft) const {
  const Query& query = draft.query;
  size_t bytes = kOptBytes;
  if (!draft.echo_options) return bytes;
  if (query.wants_nsid) bytes += 4 + options_.nsid.size();
  if (query.subnet) bytes += 8 + (query.subnet->source_bits + 7u) / 8;
  if (query.cookie && options_.cookie_secret)
    bytes += 4 + wire::dns::kClientCookieBytes + kServerCookieBytes;
  if (query.wants_keepalive && draft.asker.transport == Transport::tcp) bytes += 6;
  return bytes;
}

size_t Responder::write_opt(const Draft& draft, std::span<uint8_t> buffer) const {
  const Query& query = draft.query;
  uint8_t* out = buffer.data();
  *out++ = 0;
  out = store16(out, Type::opt);
  out = store16(out, wire::dns::kUdpEdnsBytesMax);
  const uint32_t high_rcode = uint32_t{uint16_t(draft.rcode)} >> 4;
  out = store32(out,
                high_rcode << 24 | (query.dnssec_ok ? 0x8000u : 0));  // RFC 3225 3: DO is repeated
  uint8_t* const length_at = out;
  out += 2;
  if (draft.echo_options) {
    if (query.wants_nsid) {
      out = store16(store16(out, OptionCode::nsid), uint16_t(options_.nsid.size()));
      out = std::copy(options_.nsid.begin(), options_.nsid.end(), out);
    }
    if (query.subnet) {
      const size_t address_bytes = (query.subnet->source_bits + 7u) / 8;
      out = store16(store16(out, OptionCode::ecs), uint16_t(4 + address_bytes));
      out = store16(out, query.subnet->family);
      *out++ = query.subnet->source_bits;
      *out++ = draft.scope_bits;
      out = std::copy_n(query.subnet->address.bytes().data(), address_bytes, out);
    }
    if (query.cookie && options_.cookie_secret) {
      out = store16(store16(out, OptionCode::cookie),
                    wire::dns::kClientCookieBytes + kServerCookieBytes);
      out = std::ranges::copy(query.cookie->client, out).out;
      out = std::ranges::copy(draft.server_cookie, out).out;
    }
    if (query.wants_keepalive && draft.asker.transport == Transport::tcp) {
      const int64_t tenths =
          to_ms(options_.tcp_idle_timeout) / 100;  // RFC 7828 3.1: units of 100 ms
      out = store16(store16(store16(out, OptionCode::tcp_keepalive), 2),
                    uint16_t(std::min<int64_t>(tenths, 65535)));
    }
  }
  if (draft.extended_error != 0) {
    const std::string_view text = extended_error_text(draft.extended_error);
    out = store16(store16(store16(out, OptionCode::ede), uint16_t(2 + text.size())),
                  draft.extended_error);
    out = std::copy(text.begin(), text.end(), out);
  }
  store16(length_at, uint16_t(out - length_at - 2));
  return size_t(out - buffer.data());
}

bool Responder::is_limited(const Draft& draft) const {
  return limiter_.enabled() && draft.asker.transport == Transport::udp && !draft.cookie_valid &&
         (options_.limit_loopback || !draft.asker.ip.is_loopback());
}

// OPT, flags and counts; cuts the answer down to the question when it does not fit or is over the
// rate.
size_t Responder::finish(Draft& draft) {
  const Query& query = draft.query;
  if (is_limited(draft)) {
    const RateLimiter::Verdict verdict =
        limiter_.check(draft.asker.ip, uint8_t(draft.kind), draft.asker.now);
    if (verdict != RateLimiter::Verdict::pass) limited_.add();
    if (verdict == RateLimiter::Verdict::drop) return 0;
    draft.truncated |= verdict == RateLimiter::Verdict::slip;
  }
  if (draft.truncated) {
    draft.at = query.question_end;
    draft.answer_count = draft.authority_count = draft.additional_count = 0;
    truncated_.add();
  }
  uint8_t* const p = draft.reply.data();
  if (query.edns) {
    draft.at += write_opt(draft, draft.reply.subspan(draft.at));
    ++draft.additional_count;
  }
  // Repeated from the query: the opcode, RD, and CD (RFC 4035 3.1.6).
  const unsigned flags = Flag::qr | (query.flags & (0x7800 | Flag::rd | Flag::cd)) |
                         (draft.authoritative ? Flag::aa : 0u) | (draft.truncated ? Flag::tc : 0u) |
                         (uint16_t(draft.rcode) & 15u);
  store16(p + 2, uint16_t(flags));
  store16(p + 4, query.name_bytes > 0 ? 1 : 0);
  store16(p + 6, draft.answer_count);
  store16(p + 8, draft.authority_count);
  store16(p + 10, draft.additional_count);
  count(draft);
  return draft.at;
}

void Responder::count(const Draft& draft) {
  const size_t rcode = size_t(draft.rcode);
  if (rcode < responses_.size()) return responses_[rcode]->add();
  (draft.rcode == Rcode::badcookie ? badcookie_ : badvers_).add();
}

}  // namespace sealane::dns
