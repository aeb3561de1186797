// SPDX-License-Identifier: Apache-2.0
// Two ways. First line "free": what follows is a head as the HTTP reader takes it, its fields
// verified as they are: no crash, and nobody who lacks the key verifies. Else: a request is signed,
// then changed at the bytes that the input says: it verifies only when its canonical request is the
// one that was signed.
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/http/head.h"
#include "wire/sigv4.h"
#include "wire/sigv4_canonical.h"

namespace {

using namespace sealane;
using namespace sealane::wire;

constexpr WallTime kNow(std::chrono::seconds(1'795'000'000));

const AwsKeyring& keyring() {
  static const AwsKeyring keys =
      AwsKeyring::parse("[d]\naws_access_key_id=AKID\naws_secret_access_key=nobody/knows/this\n")
          .value();
  return keys;
}

// Kept from run to run, so that its table of derived keys is in play.
sigv4::Verifier& verifier() {
  static sigv4::Verifier one;
  return one;
}

void check_free(std::string_view text) {
  std::vector<http::Field> fields;
  http::Limits limits;
  http::HeadEnd end;
  const auto length = end.find(text, limits);
  if (!length || *length == 0) return;
  const auto head = http::parse_request_head(text.substr(0, *length), limits, fields);
  if (!head) return;
  for (const bool tls : {false, true}) {
    const auto identity = verifier().verify(
        {head->method, head->target, head->fields, text.substr(*length), tls}, keyring(), kNow);
    SL_ASSERT(!identity);
    SL_ASSERT(identity.error().what.find("nobody/knows/this") == std::string::npos);
  }
}

std::string canonical(std::string_view method, std::string_view target,
                      std::span<const http::Field> fields, std::string_view body) {
  const size_t mark = std::min(target.find('?'), target.size());
  std::string out(method);
  out += '\n';
  sigv4::append_path(out, target.substr(0, mark));
  out += '\n';
  sigv4::Query().append(out, target.substr(std::min(mark + 1, target.size())),
                        sigv4::Verifier::kQueryMax);
  for (const char* name : {"host", "x-amz-date", "x-amz-target"}) {
    out += '\n';
    sigv4::append_values(out, fields, name);
  }
  return out.append("\n").append(body);
}

// "at" and "with" pairs: the byte at the place becomes the other one.
void check_changed(const uint8_t* data, size_t size) {
  std::string method = "POST", target = "/a/./b%20c?x=1&y=%7e", body = "{\"TableName\":\"T\"}",
              host = "h", called = "DynamoDB_20120810.PutItem  with blanks";
  std::vector<http::Field> fields = {{"Host", host}, {"X-Amz-Target", called}};
  std::string lines;
  sigv4::Signer().sign({method, target, fields, body}, *keyring().find("AKID"),
                       {"eu-west-1", "dynamodb"}, kNow, lines);
  std::string date = lines.substr(12, 16);
  std::string authorization = lines.substr(lines.find("Authorization: ") + 15);
  authorization.resize(authorization.size() - 2);
  const std::string signed_date = date, signed_authorization = authorization;
  const auto all = [&] {
    return std::vector<http::Field>{{"Host", host}, {"X-Amz-Target", called}, {"X-Amz-Date", date},
                                    {"Authorization", authorization}};
  };
  const std::string before = canonical(method, target, all(), body);
  std::string* const parts[] = {&method, &target, &body, &host, &called, &date, &authorization};
  for (size_t i = 0; i + 3 <= size; i += 3) {
    std::string& part = *parts[data[i] % std::size(parts)];
    if (part.empty()) continue;
    part[data[i + 1] % part.size()] = char(data[i + 2]);
  }
  const auto now = all();
  const auto identity = verifier().verify({method, target, now, body}, keyring(), kNow);
  if (identity) {
    SL_ASSERT(canonical(method, target, now, body) == before && date == signed_date);
    SL_ASSERT(identity->key == keyring().find("AKID") && identity->region == "eu-west-1");
  } else {
    SL_ASSERT(canonical(method, target, now, body) != before ||
              authorization != signed_authorization);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.starts_with("free\n")) {
    check_free(text.substr(5));
  } else {
    check_changed(data, size);
  }
  return 0;
}
