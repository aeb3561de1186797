// SPDX-License-Identifier: Apache-2.0
#include "wire/aws_credentials.h"

#include <fmt/format.h>

#include <algorithm>

#include "wire/http/head.h"

namespace sealane::wire {
namespace {

using http::trim;

constexpr size_t kValueBytesMax = 256;  // of an id or a secret; AWS has 16 to 128
// of a session token; AWS has some 1,500 and warns of no bound
constexpr size_t kTokenBytesMax = 8192;

// An id or a secret: visible ASCII without what an Authorization field is cut at.
bool is_key_text(std::string_view text, size_t bytes_max = kValueBytesMax) {
  return !text.empty() && text.size() <= bytes_max && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 0x7f && c != ',';
  });
}

class Parser {
 public:
  explicit Parser(AwsKeyring::Use use) : use_(use) {}
  Result<std::vector<AwsKey>> parse(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.ends_with('\r')) line.remove_suffix(1);
      ++line_;
      SL_CHECK(take(line));
    }
    SL_CHECK(finish_profile());
    std::ranges::sort(keys_, {}, &AwsKey::access_key);
    const auto twice = std::ranges::adjacent_find(keys_, {}, &AwsKey::access_key);
    if (twice != keys_.end() && use_ == AwsKeyring::Use::verify) {
      return fail(Code::invalid,
                  fmt::format("profiles [{}] and [{}] have the same aws_access_key_id",
                              twice->profile, std::next(twice)->profile));
    }
    return std::move(keys_);
  }

 private:
  std::unexpected<Error> wrong(std::string_view what) const {
    return fail(Code::invalid, fmt::format("line {}: {}", line_, what));
  }

  Status take(std::string_view raw) {
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') return {};
    if (line.front() == '[') {
      if (line.back() != ']' || line.size() < 3) return wrong("a profile is written [name]");
      SL_CHECK(finish_profile());
      profile_ = {};
      profile_.profile = trim(line.substr(1, line.size() - 2));
      open_ = true;
      line_of_profile_ = line_;
      return {};
    }
    // An indented line belongs to a setting of another program, as "s3 =" with its own settings
    // below.
    if (raw.front() == ' ' || raw.front() == '\t') return {};
    if (!open_) return wrong("settings must follow a profile, as [default]");
    const size_t equals = line.find('=');
    if (equals == line.npos) return wrong("expected name = value");
    return set(trim(line.substr(0, equals)), trim(line.substr(equals + 1)));
  }

  Status set(std::string_view name, std::string_view value) {
    if (name == "aws_access_key_id") {
      if (!profile_.access_key.empty())
        return wrong("aws_access_key_id stands twice in this profile");
      if (!is_key_text(value) || value.find('/') != value.npos)
        return wrong("not a usable aws_access_key_id");
      profile_.access_key = value;
    } else if (name == "aws_secret_access_key") {
      if (!profile_.secret.empty())
        return wrong("aws_secret_access_key stands twice in this profile");
      if (!is_key_text(value)) return wrong("not a usable aws_secret_access_key");
      profile_.secret = value;
    } else if (name == "aws_session_token") {
      if (use_ == AwsKeyring::Use::verify)
        return wrong("aws_session_token: temporary credentials cannot be used here");
      if (!profile_.session_token.empty())
        return wrong("aws_session_token stands twice in this profile");
      if (!is_key_text(value, kTokenBytesMax)) return wrong("not a usable aws_session_token");
      profile_.session_token = value;
    } else if (name == "sealane_services") {
      bool fine = true;
      http::each_element(value, [&](std::string_view service) {
        fine = fine && http::is_token(service);
        profile_.services.emplace_back(service);
      });
      if (!fine || profile_.services.empty())
        return wrong("sealane_services is a list as: dynamodb, route53");
    } else if (name == "sealane_access") {
      if (value != "read" && value != "write") return wrong("sealane_access is read or write");
      profile_.access = value == "read" ? Access::read : Access::write;
    } else if (name.starts_with("sealane_")) {
      return wrong(
          fmt::format("unknown setting {}: there are sealane_services and sealane_access", name));
    }
    return {};
  }

  Status finish_profile() {
    if (!open_) return {};
    open_ = false;
    if (profile_.access_key.empty() && profile_.secret.empty()) return {};  // of another program
    if (profile_.access_key.empty() || profile_.secret.empty()) {
      return fail(
          Code::invalid,
          fmt::format("line {}: profile [{}] lacks {}", line_of_profile_, profile_.profile,
                      profile_.secret.empty() ? "aws_secret_access_key" : "aws_access_key_id"));
    }
    if (keys_.size() == AwsKeyring::kKeysMax) {
      return fail(Code::limit, fmt::format("more than {} keys", AwsKeyring::kKeysMax));
    }
    keys_.push_back(std::move(profile_));
    return {};
  }

  const AwsKeyring::Use use_;
  std::vector<AwsKey> keys_;
  AwsKey profile_;
  bool open_ = false;
  size_t line_ = 0, line_of_profile_ = 0;
};

}  // namespace

bool AwsKey::may(std::string_view service, Access wanted) const {
  if (wanted == Access::write && access == Access::read) return false;
  return services.empty() || std::ranges::find(services, service) != services.end();
}

Result<AwsKeyring> AwsKeyring::parse(std::string_view text, Use use) {
  if (text.size() > kTextBytesMax) {
    return fail(Code::limit, fmt::format("longer than {} bytes", kTextBytesMax));
  }
  AwsKeyring out;
  SL_TRY(out.keys_, Parser(use).parse(text));
  return out;
}

const AwsKey* AwsKeyring::find(std::string_view access_key) const {
  const auto at = std::ranges::lower_bound(keys_, access_key, {}, [](const AwsKey& key) {
    return std::string_view(key.access_key);
  });
  return at != keys_.end() && at->access_key == access_key ? &*at : nullptr;
}

const AwsKey* AwsKeyring::find_profile(std::string_view name) const {
  const auto at = std::ranges::find(keys_, name, &AwsKey::profile);
  return at != keys_.end() ? &*at : nullptr;
}

std::string fresh_aws_credentials(std::span<const uint8_t, 40> random) {
  static constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  static constexpr std::string_view kBase64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  // AWS's shapes: 20 and 40 characters. 5 bits a character for the id, 6 for the secret: 80 and 240
  // bits.
  std::string id = "AKIA", secret;
  for (size_t i = 0; i < 10; i += 5) {
    uint64_t bits = 0;
    for (size_t k = 0; k < 5; ++k) bits = bits << 8 | random[i + k];
    for (int shift = 35; shift >= 0; shift -= 5) id += kBase32[bits >> shift & 31];
  }
  for (size_t i = 10; i < 40; i += 3) {
    const uint32_t bits = uint32_t{random[i]} << 16 | uint32_t{random[i + 1]} << 8 | random[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) secret += kBase64[bits >> shift & 63];
  }
  return fmt::format("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n", id, secret);
}

}  // namespace sealane::wire
