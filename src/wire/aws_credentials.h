// SPDX-License-Identifier: Apache-2.0
// Keys for signed APIs, in the form of ~/.aws/credentials:
//
//   [default]                                # one profile for each key
//   aws_access_key_id = AKIDEXAMPLE
//   aws_secret_access_key = wJalrXUtnFEMI/...
//   sealane_services = dynamodb, route53     # ours, optional: none named means all
//   sealane_access = read                    # ours, optional: read; or write, the default
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sealane::wire {

enum class Access : uint8_t { read, write };

struct AwsKey {
  std::string profile;
  std::string access_key;  // its id, public
  std::string secret;      // never in a message or a log line
  std::vector<std::string> services;  // names as in a credential scope; empty: every service
  Access access = Access::write;
  std::string session_token{};        // of temporary credentials: sent along with each request

  friend bool operator==(const AwsKey&, const AwsKey&) = default;
  bool may(std::string_view service, Access wanted) const;
};

// All keys of a node, immutable.
class AwsKeyring {
 public:
  static constexpr size_t kTextBytesMax = 1u << 20;
  static constexpr size_t kKeysMax = 10'000;

  AwsKeyring() = default;
  // Temporary credentials (aws_session_token) may sign our own requests; those of others are not
  // checked with them.
  enum class Use : uint8_t { verify, sign };
  // Errors name the line: "line 3: ...". Unknown settings are left alone, as other programs keep
  // theirs there.
  static Result<AwsKeyring> parse(std::string_view text, Use use = Use::verify);

  const AwsKey* find(std::string_view access_key) const;
  const AwsKey* find_profile(std::string_view name) const;
  std::span<const AwsKey> keys() const { return keys_; }

 private:
  std::vector<AwsKey> keys_;  // ascending by access_key
};

// A file with one new key in the profile `default`. `random`: 40 bytes of the kernel's, for these
// are secrets.
std::string fresh_aws_credentials(std::span<const uint8_t, 40> random);

}  // namespace sealane::wire
