// SPDX-License-Identifier: Apache-2.0
#include "wire/sigv4.h"

#include <gtest/gtest.h>

namespace sealane::wire::sigv4 {
namespace {

using namespace std::chrono;

const AwsKeyring& keyring() {
  static const AwsKeyring keys = AwsKeyring::parse(
      "[default]\naws_access_key_id = AKIDEXAMPLE\n"
      "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n").value();
  return keys;
}
constexpr WallTime kThen = WallTime(sys_days(year(2015) / 8 / 30)) + 12h + 36min;

// AWS's published test suite (aws-sig-v4-test-suite), restated.
struct Vector {
  const char* name;
  std::string method, target;
  std::vector<http::Field> fields;
  std::string body;
  std::string signed_fields, signature;
};

TEST(SigV4, aws_published_vectors_verify) {
  const std::vector<Vector> vectors = {
      {"get-vanilla", "GET", "/", {}, "", "host;x-amz-date",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"post-vanilla", "POST", "/", {}, "", "host;x-amz-date",
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", {}, "", "host;x-amz-date",
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-utf8", "GET", "/\xe1\x88\xb4", {}, "", "host;x-amz-date",
       "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
  };
  Verifier verifier;
  for (const Vector& v : vectors) {
    const std::string authorization =
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" +
        v.signed_fields + ", Signature=" + v.signature;
    std::vector<http::Field> fields = {{"Host", "example.amazonaws.com"}, {"X-Amz-Date", "20150830T123600Z"}};
    fields.insert(fields.end(), v.fields.begin(), v.fields.end());
    fields.push_back({"Authorization", authorization});
    const auto identity = verifier.verify({v.method, v.target, fields, v.body}, keyring(), kThen);
    EXPECT_TRUE(identity) << v.name << ": " << (identity ? "" : identity.error().what);
  }
}

}  // namespace
}  // namespace sealane::wire::sigv4
