// SPDX-License-Identifier: Apache-2.0
#include "wire/sigv4.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/hash.h"
#include "wire/http/date.h"
#include "wire/http/head.h"
#include "wire/sha256.h"
#include "wire/sigv4_canonical.h"

namespace sealane::wire::sigv4 {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kTerminator = "aws4_request";
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
constexpr size_t kScopePartMax = 64;  // bytes of a region or a service

// "20150830T123600Z" (ISO 8601, basic form).
using Stamp = std::array<char, 16>;
std::string_view view(const Stamp& stamp) { return {stamp.data(), stamp.size()}; }

Stamp stamp_of(WallTime time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  Stamp out;
  fmt::format_to_n(out.data(), out.size(), "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
                   int(date.year()) % 10'000, unsigned(date.month()), unsigned(date.day()),
                   clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  return out;
}

std::optional<WallTime> time_of(std::string_view stamp) {
  using namespace std::chrono;
  if (stamp.size() != 16 || stamp[8] != 'T' || stamp[15] != 'Z') return std::nullopt;
  const auto number = [&](size_t at, size_t digits) {
    int out = 0;
    for (const char c : stamp.substr(at, digits))
      out = c >= '0' && c <= '9' ? out * 10 + (c - '0') : -100'000;
    return out;
  };
  const int hour = number(9, 2), minute = number(11, 2), second = number(13, 2);
  const int month_number = number(4, 2), day_number = number(6, 2), year_number = number(0, 4);
  if (std::min({hour, minute, second, month_number, day_number, year_number}) < 0)
    return std::nullopt;
  const year_month_day date{year(year_number), month(unsigned(month_number)),
                            day(unsigned(day_number))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return WallTime(sys_days(date)) + hours(hour) + minutes(minute) + seconds(second);
}

std::unexpected<Refusal> refuse(Why why, std::string what) {
  return std::unexpected(Refusal{why, std::move(what)});
}

// The Authorization field, taken apart.
struct Authorization {
  std::string_view scope;  // "20150830/us-east-1/iam/aws4_request"
  std::string_view access_key, date, region, service;
  std::string_view signed_fields;
  std::string_view signature;
};

bool is_scope_part(std::string_view text) {
  return !text.empty() && text.size() <= kScopePartMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// "Credential=a/b/c/d/e, SignedHeaders=host;x-amz-date, Signature=0123..."; the algorithm is off
// already.
std::expected<Authorization, Refusal> take_apart(std::string_view parameters) {
  Authorization out;
  std::string_view credential;
  bool fine = true;
  http::each_element(parameters, [&](std::string_view element) {
    const size_t equals = std::min(element.find('='), element.size());
    const std::string_view name = element.substr(0, equals);
    const std::string_view value = element.substr(std::min(equals + 1, element.size()));
    std::string_view* const place = name == "Credential"      ? &credential
                                    : name == "SignedHeaders" ? &out.signed_fields
                                    : name == "Signature"     ? &out.signature
                                                              : nullptr;
    if (place == nullptr || !place->empty() || value.empty()) {
      fine = false;
    } else {
      *place = value;
    }
  });
  std::string lacks;
  if (credential.empty()) lacks += "Authorization header requires 'Credential' parameter. ";
  if (out.signature.empty()) lacks += "Authorization header requires 'Signature' parameter. ";
  if (out.signed_fields.empty())
    lacks += "Authorization header requires 'SignedHeaders' parameter. ";
  if (!lacks.empty()) {
    lacks.pop_back();
    return refuse(Why::incomplete_signature, std::move(lacks));
  }
  if (!fine) {
    return refuse(
        Why::incomplete_signature,
        "Authorization header has a parameter twice, an empty one, or one other than 'Credential', "
        "'SignedHeaders' and 'Signature'.");
  }
  std::array<std::string_view, 5> parts;
  size_t count = 0;
  std::string_view rest = credential;
  while (count < 6) {
    const size_t slash = std::min(rest.find('/'), rest.size());
    if (count < 5) parts[count] = rest.substr(0, slash);
    ++count;
    if (slash == rest.size()) break;
    rest.remove_prefix(slash + 1);
  }
  if (count != 5) {
    return refuse(Why::incomplete_signature,
                  "Credential must have exactly 5 slash-delimited elements, e.g. "
                  "keyid/date/region/service/term.");
  }
  out.access_key = parts[0];
  out.date = parts[1];
  out.region = parts[2];
  out.service = parts[3];
  out.scope = credential.substr(parts[0].size() + 1);
  if (!is_scope_part(out.region))
    return refuse(Why::bad_scope, "Credential should be scoped to a valid region.");
  if (!is_scope_part(out.service))
    return refuse(Why::bad_scope, "Credential should be scoped to a valid service.");
  if (parts[4] != kTerminator) {
    return refuse(Why::bad_scope,
                  "Credential should be scoped with a valid terminator: 'aws4_request'.");
  }
  return out;
}

// When the request says that it was signed, in both forms.
struct SignedAt {
  WallTime time;
  Stamp stamp;
  std::string_view field;  // where it stands: must be signed
};

std::expected<SignedAt, Refusal> signed_at(std::span<const http::Field> fields, WallTime now) {
  const http::Field* amz = nullptr;
  const http::Field* date = nullptr;
  for (const http::Field& field : fields) {
    if (http::equal_fold(field.name, "x-amz-date")) {
      if (amz != nullptr)
        return refuse(Why::incomplete_signature, "There is more than one 'X-Amz-Date' header.");
      amz = &field;
    } else if (http::equal_fold(field.name, "date")) {
      date = &field;
    }
  }
  const http::Field* const field = amz != nullptr ? amz : date;
  if (field == nullptr) {
    return refuse(
        Why::incomplete_signature,
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
  }
  auto time = time_of(field->value);
  if (!time && amz == nullptr) time = http::parse_http_date(field->value, now);
  if (!time) {
    return refuse(Why::incomplete_signature,
                  "Date must be in ISO-8601 'basic format', as in 20150830T123600Z.");
  }
  return SignedAt{*time, stamp_of(*time), amz != nullptr ? "x-amz-date" : "date"};
}

std::expected<void, Refusal> check_skew(const SignedAt& at, WallTime now) {
  constexpr int kMinutes = int(kSkewMax / 1min);
  const auto skew = std::chrono::duration_cast<std::chrono::milliseconds>(kSkewMax);
  // A stamp has whole seconds: the client's second lasts to its end.
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  if (at.time < second - skew) {
    return refuse(
        Why::expired,
        fmt::format("Signature expired: {} is now earlier than {} ({} - {} min.)", view(at.stamp),
                    view(stamp_of(now - skew)), view(stamp_of(now)), kMinutes));
  }
  if (at.time > second + skew) {
    return refuse(
        Why::not_yet_valid,
        fmt::format("Signature not yet current: {} is still later than {} ({} + {} min.)",
                    view(at.stamp), view(stamp_of(now + skew)), view(stamp_of(now)), kMinutes));
  }
  return {};
}

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// What verifying and signing share: the buffers, the digests, and the way from a request to its
// signature.
struct Forge {
  Sha256 sha;
  Query query;
  std::string canonical, to_sign;
  std::vector<std::string_view> names;  // of the signed fields, lower case, ascending

  Sha256::Digest derive(std::string_view secret, std::string_view date, std::string_view region,
                        std::string_view service) {
    const std::string first = fmt::format("AWS4{}", secret);
    Sha256::Digest key = sha.hmac(bytes_of(first), date);
    key = sha.hmac(key, region);
    key = sha.hmac(key, service);
    return sha.hmac(key, kTerminator);
  }

  // False: a field that `names` lists is not there, or the query has too many parameters.
  bool write_canonical(const Message& message, std::span<const http::Field> fields,
                       std::string_view service, std::string_view body_hash) {
    const size_t mark = std::min(message.target.find('?'), message.target.size());
    const std::string_view path = message.target.substr(0, mark);
    canonical.assign(message.method);
    canonical += '\n';
    if (service == "s3") {
      canonical.append(path);
    } else {
      append_path(canonical, path);
    }
    canonical += '\n';
    const std::string_view asked = message.target.substr(std::min(mark + 1, message.target.size()));
    if (!query.append(canonical, asked, Verifier::kQueryMax)) return false;
    canonical += '\n';
    for (const std::string_view name : names) {
      canonical.append(name);
      canonical += ':';
      if (!append_values(canonical, fields, name)) return false;
      canonical += '\n';
    }
    for (const std::string_view name : names) {
      canonical += name.data() == names.front().data() ? '\n' : ';';
      canonical.append(name);
    }
    canonical += '\n';
    canonical.append(body_hash);
    return true;
  }

  Sha256::Hex signature(const Sha256::Digest& key, std::string_view stamp, std::string_view scope) {
    to_sign.assign(kAlgorithm);
    to_sign += '\n';
    to_sign.append(stamp);
    to_sign += '\n';
    to_sign.append(scope);
    to_sign += '\n';
    to_sign.append(wire::view(Sha256::hex(sha.of(canonical))));
    return Sha256::hex(sha.hmac(key, to_sign));
  }
};

// Signing keys by what they are made of, 4 in a row; in a full row the one that came first makes
// room. Only what has verified is put in, so strangers cannot wash it out.
class DerivedKeys {
 public:
  struct Entry {
    std::string access_key, secret, date, region, service;
    Sha256::Digest key;
  };
  // The entry for these, or nullptr.
  const Entry* find(const AwsKey& key, const Authorization& from) const {
    for (const Entry& entry : row(from)) {
      // The secret too: a key whose secret was changed is another key.
      if (entry.access_key == key.access_key && entry.date == from.date &&
          entry.region == from.region && entry.service == from.service &&
          entry.secret == key.secret) {
        return &entry;
      }
    }
    return nullptr;
  }
  void add(const AwsKey& key, const Authorization& from, const Sha256::Digest& derived) {
    const std::span<Entry> entries = const_cast<DerivedKeys*>(this)->row(from);
    entries[next_++ % kWays] = {key.access_key,
                                key.secret,
                                std::string(from.date),
                                std::string(from.region),
                                std::string(from.service),
                                derived};
  }

 private:
  static constexpr size_t kWays = 4;
  std::span<Entry> row(const Authorization& from) { return {&entries_[slot(from)], kWays}; }
  std::span<const Entry> row(const Authorization& from) const {
    return {&entries_[slot(from)], kWays};
  }
  static size_t slot(const Authorization& from) {
    const uint64_t hash = fnv1a(from.access_key) ^ mix64(fnv1a(from.scope));
    return mix64(hash) % (Verifier::kDerivedMax / kWays) * kWays;
  }

  std::vector<Entry> entries_ = std::vector<Entry>(Verifier::kDerivedMax);
  size_t next_ = 0;
};

constexpr std::string_view kMismatch =
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access "
    "Key and signing method. Consult the service documentation for details.";

}  // namespace

JsonError json_error(Why why) {
  switch (why) {
    case Why::missing_token: return {"MissingAuthenticationTokenException"};
    case Why::incomplete_signature:
    case Why::presigned: return {"IncompleteSignatureException"};
    case Why::unknown_key:
    case Why::security_token: return {"UnrecognizedClientException"};
    case Why::signature_mismatch:
    case Why::expired:
    case Why::not_yet_valid:
    case Why::bad_scope:
    case Why::unsigned_payload:
    case Why::body_mismatch: return {"InvalidSignatureException"};
  }
  return {"InvalidSignatureException"};
}

// ── verifying ────────────────────────────────────────────────────────────────────────────────────

struct Verifier::Work : Forge {
  DerivedKeys derived;

  std::expected<Authorization, Refusal> authorization(const Message& message) const;
  std::expected<void, Refusal> list_signed(const Message& message, const Authorization& from,
                                           std::string_view date_field);
  std::expected<void, Refusal> check_body(const Message& message, Sha256::Hex& hash,
                                          std::string_view& signed_as);
};

Verifier::Verifier() : work_(std::make_unique<Work>()) {}
Verifier::~Verifier() = default;
Verifier::Verifier(Verifier&&) noexcept = default;

std::expected<Authorization, Refusal> Verifier::Work::authorization(const Message& message) const {
  const http::Field* field = nullptr;
  for (const http::Field& f : message.fields) {
    if (!http::equal_fold(f.name, "authorization")) continue;
    if (field != nullptr)
      return refuse(Why::incomplete_signature, "There is more than one 'Authorization' header.");
    field = &f;
  }
  if (field == nullptr) {
    const size_t mark = std::min(message.target.find('?'), message.target.size());
    if (message.target.find("X-Amz-Signature=", mark) != message.target.npos) {
      return refuse(Why::presigned,
                    "Presigned requests are not taken here: sign in the Authorization header.");
    }
    return refuse(Why::missing_token, "Request is missing Authentication Token");
  }
  const size_t blank = std::min(field->value.find(' '), field->value.size());
  const std::string_view algorithm = field->value.substr(0, blank);
  // Another scheme (Basic, Bearer, version 1) is as no signature at all.
  if (!algorithm.starts_with("AWS4-"))
    return refuse(Why::missing_token, "Request is missing Authentication Token");
  if (algorithm != kAlgorithm) {
    const bool fits = algorithm.size() <= 32 && http::is_token(algorithm);
    return refuse(Why::incomplete_signature,
                  "Unsupported AWS 'algorithm'" +
                      (fits ? ": '" + std::string(algorithm) + "'" : std::string()) +
                      " (only AWS4-HMAC-SHA256 for now).");
  }
  if (message.target.find("X-Amz-Algorithm=",
                          std::min(message.target.find('?'), message.target.size())) !=
      message.target.npos) {
    return refuse(
        Why::signature_mismatch,
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.");
  }
  return take_apart(field->value.substr(blank));
}

// Fills `names`, and sees that everything that must be signed is.
std::expected<void, Refusal> Verifier::Work::list_signed(const Message& message,
                                                         const Authorization& from,
                                                         std::string_view date_field) {
  names.clear();
  std::string_view rest = from.signed_fields;
  while (true) {
    const size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view name = rest.substr(0, end);
    const bool lower_case = std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
    if (!http::is_token(name) || !lower_case || (!names.empty() && !(names.back() < name))) {
      return refuse(Why::incomplete_signature,
                    "SignedHeaders must be names in lower case, in order, each once.");
    }
    if (names.size() == kSignedFieldsMax) {
      return refuse(Why::incomplete_signature, "SignedHeaders names too many headers.");
    }
    names.push_back(name);
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  const auto is_signed = [&](std::string_view name) {
    return std::ranges::any_of(names,
                               [&](std::string_view n) { return http::equal_fold(n, name); });
  };
  if (!is_signed("host")) {
    return refuse(Why::signature_mismatch,
                  "'Host' must be a 'SignedHeader' in the AWS Authorization.");
  }
  if (!is_signed(date_field)) {
    return refuse(
        Why::signature_mismatch,
        fmt::format("'{}' must be a 'SignedHeader' in the AWS Authorization.", date_field));
  }
  for (const http::Field& field : message.fields) {
    if (field.name.size() > 6 && http::equal_fold(field.name.substr(0, 6), "x-amz-") &&
        !is_signed(field.name)) {
      return refuse(
          Why::signature_mismatch,
          fmt::format("'{}' must be a 'SignedHeader' in the AWS Authorization.", field.name));
    }
  }
  return {};
}

// `signed_as`: what stands for the body in the canonical request; it may point into `hash`.
std::expected<void, Refusal> Verifier::Work::check_body(const Message& message, Sha256::Hex& hash,
                                                        std::string_view& signed_as) {
  const auto claimed = http::find(message.fields, "x-amz-content-sha256");
  if (claimed && *claimed == kUnsignedPayload) {
    if (!message.tls) {
      return refuse(Why::unsigned_payload, "UNSIGNED-PAYLOAD is accepted over TLS only.");
    }
    signed_as = kUnsignedPayload;
    return {};
  }
  if (claimed && claimed->starts_with("STREAMING-")) {
    return refuse(Why::unsigned_payload,
                  "Signatures of bodies in pieces (STREAMING-...) are not accepted here.");
  }
  hash = Sha256::hex(sha.of(message.body));
  signed_as = wire::view(hash);
  if (claimed && *claimed != signed_as) {
    return refuse(Why::body_mismatch,
                  "The provided 'x-amz-content-sha256' header does not match what was computed.");
  }
  return {};
}

std::expected<Identity, Refusal> Verifier::verify(const Message& message, const AwsKeyring& keys,
                                                  WallTime now) {
  Work& work = *work_;
  SL_TRY(const Authorization from, work.authorization(message));
  if (http::find(message.fields, "x-amz-security-token")) {
    return refuse(Why::security_token, "The security token included in the request is invalid.");
  }
  SL_TRY(const SignedAt at, signed_at(message.fields, now));
  SL_CHECK(check_skew(at, now));
  if (from.date != view(at.stamp).substr(0, 8)) {
    return refuse(Why::bad_scope,
                  fmt::format("Date in Credential scope does not match YYYYMMDD from ISO-8601 "
                              "version of date from HTTP: {}.",
                              view(at.stamp)));
  }
  SL_CHECK(work.list_signed(message, from, at.field));
  const AwsKey* const key = keys.find(from.access_key);
  if (key == nullptr)
    return refuse(Why::unknown_key, "The security token included in the request is invalid.");

  Sha256::Hex hash;
  std::string_view body;
  SL_CHECK(work.check_body(message, hash, body));
  if (!work.write_canonical(message, message.fields, from.service, body)) {
    return refuse(Why::signature_mismatch, std::string(kMismatch));
  }
  const auto* const known = work.derived.find(*key, from);
  const Sha256::Digest derived =
      known != nullptr ? known->key
                       : work.derive(key->secret, from.date, from.region, from.service);
  if (!Sha256::equal(wire::view(work.signature(derived, view(at.stamp), from.scope)),
                     from.signature)) {
    return refuse(Why::signature_mismatch, std::string(kMismatch));
  }
  if (known == nullptr) work.derived.add(*key, from, derived);
  return Identity{key, from.access_key, from.date, from.region, from.service};
}

// ── signing ──────────────────────────────────────────────────────────────────────────────────────

struct Signer::Work : Forge {
  std::vector<http::Field> fields;
  std::string lower_names;
};

Signer::Signer() : work_(std::make_unique<Work>()) {}
Signer::~Signer() = default;
Signer::Signer(Signer&&) noexcept = default;

void Signer::sign(const Message& message, const AwsKey& key, const Scope& to, WallTime now,
                  std::string& lines) {
  Work& work = *work_;
  const Stamp stamp = stamp_of(now);
  work.fields.assign(message.fields.begin(), message.fields.end());
  work.fields.push_back({"X-Amz-Date", view(stamp)});

  size_t name_bytes = 0;
  for (const http::Field& field : work.fields) name_bytes += field.name.size();
  work.lower_names.clear();
  work.lower_names.reserve(name_bytes);  // so that the views below stay
  work.names.clear();
  for (const http::Field& field : work.fields) {
    const size_t begin = work.lower_names.size();
    for (const char c : field.name) work.lower_names += http::lower(c);
    work.names.push_back(std::string_view(work.lower_names).substr(begin));
  }
  std::ranges::sort(work.names);
  work.names.erase(std::ranges::unique(work.names).begin(), work.names.end());

  const auto claimed = http::find(message.fields, "x-amz-content-sha256");
  const Sha256::Hex hash = Sha256::hex(work.sha.of(message.body));
  const bool fine =
      work.write_canonical(message, work.fields, to.service, claimed ? *claimed : wire::view(hash));
  SL_ASSERT(fine);
  const std::string_view date = view(stamp).substr(0, 8);
  const std::string scope = fmt::format("{}/{}/{}/{}", date, to.region, to.service, kTerminator);
  const auto signature =
      work.signature(work.derive(key.secret, date, to.region, to.service), view(stamp), scope);
  fmt::format_to(
      std::back_inserter(lines),
      "X-Amz-Date: {}\r\nAuthorization: {} Credential={}/{}, SignedHeaders={}, Signature={}\r\n",
      view(stamp), kAlgorithm, key.access_key, scope, fmt::join(work.names, ";"),
      wire::view(signature));
}

}  // namespace sealane::wire::sigv4
