// SPDX-License-Identifier: Apache-2.0
// AWS Signature Version 4 in the Authorization header: checked, and made. Rules: "Signature Version
// 4 signing process", AWS General Reference; checked against AWS's published test vectors and
// requests made by botocore.
#pragma once

#include <array>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "wire/aws_credentials.h"
#include "wire/http/fields.h"

namespace sealane::wire::sigv4 {

// How far a client's clock may be off, either side.
inline constexpr Duration kSkewMax = 15min;

// A request as it is on the wire.
struct Message {
  std::string_view method;
  std::string_view target;               // "/path?query", percent-encoded as sent
  std::span<const http::Field> fields;   // Host among them
  std::string_view body;
  bool tls = false;                      // UNSIGNED-PAYLOAD is taken over TLS only
};

// Who signed. The views point into the message and the keyring.
struct Identity {
  const AwsKey* key = nullptr;
  std::string_view access_key;
  std::string_view date;     // "20261122"
  std::string_view region;   // what the client signed for, not checked
  std::string_view service;
};

enum class Why : uint8_t {
  missing_token,         // no Authorization field
  incomplete_signature,  // one that lacks something, or cannot be read
  unknown_key,
  signature_mismatch,
  expired,               // signed more than kSkewMax ago
  not_yet_valid,         // or so far ahead
  bad_scope,             // credential scope: another day than the date's, wrong terminator
  security_token,        // X-Amz-Security-Token: temporary credentials are not ours
  unsigned_payload,      // UNSIGNED-PAYLOAD without TLS, or a streaming signature
  body_mismatch,         // x-amz-content-sha256 is not the body's
  presigned,             // the signature is in the query
};

struct Refusal {
  Why why;
  // AWS's sentence where it has one; no secrets, nothing of the Authorization field's value
  std::string what;
};

// The refusal as AWS's JSON services name it.
struct JsonError {
  std::string_view type;  // "MissingAuthenticationTokenException", without the coral prefix
  uint16_t status = 400;
};
JsonError json_error(Why why);

// Verifies for one lane: owns its buffers and a small table of derived keys, so that a hot request
// allocates nothing.
class Verifier {
 public:
  // keys x days x regions x services that are remembered
  static constexpr size_t kDerivedMax = 256;
  static constexpr size_t kSignedFieldsMax = 64;  // names in SignedHeaders
  static constexpr size_t kQueryMax = 128;        // parameters

  Verifier();
  ~Verifier();
  Verifier(Verifier&&) noexcept;

  std::expected<Identity, Refusal> verify(const Message& message, const AwsKeyring& keys,
                                          WallTime now);

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

// Signs for one lane.
class Signer {
 public:
  struct Scope {
    std::string_view region, service;
  };
  Signer();
  ~Signer();
  Signer(Signer&&) noexcept;

  // Appends "X-Amz-Date: ...\r\nAuthorization: ...\r\n" to `lines`. Signs every field of the
  // message, which must name Host and no X-Amz-Date.
  void sign(const Message& message, const AwsKey& key, const Scope& scope, WallTime now,
            std::string& lines);

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace sealane::wire::sigv4
