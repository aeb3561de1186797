// SPDX-License-Identifier: Apache-2.0
#include "wire/sigv4.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <new>
#include <set>
#include <sstream>

#include "wire/http/date.h"
#include "wire/http/reader.h"
#include "wire/sha256.h"

// Counts, for the test of the hot path. Sanitizers bring their own.
#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer) && \
    !__has_feature(thread_sanitizer)
#define SL_COUNTS_ALLOCATIONS 1
static std::atomic<uint64_t> allocation_count{0};
void* operator new(size_t bytes) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
#endif

namespace sealane::wire::sigv4 {
namespace {

using namespace std::chrono;
using Fields = std::vector<http::Field>;

constexpr std::string_view kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr std::string_view kLongSecret =
    "second/secret+of=an/example/that/is/longer/than/a/block/of/sha-256/which/has/64";

AwsKeyring keyring(std::string_view secret = kSecret) {
  return AwsKeyring::parse("[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = " +
                           std::string(secret) +
                           "\n[second]\naws_access_key_id = AKIASECONDEXAMPLE000\n" +
                           "aws_secret_access_key = " + std::string(kLongSecret) + "\n")
      .value();
}

// ── AWS's published test suite (aws-sig-v4-test-suite), restated ─────────────────────────────────

constexpr WallTime kThen = WallTime(sys_days(year(2015) / 8 / 30)) + 12h + 36min;

struct Vector {
  std::string name, method, target;
  Fields fields;  // besides Host and X-Amz-Date, which come first
  std::string body, signed_fields, signature;
};

const std::vector<Vector>& vectors() {
  static const std::string kUsual = "host;x-amz-date";
  static const std::vector<Vector> all = {
      {"get-vanilla",
       "GET",
       "/",
       {},
       "",
       kUsual,
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-vanilla-empty-query-key",
       "GET",
       "/?Param1=value1",
       {},
       "",
       kUsual,
       "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
      {"get-vanilla-query-order-key-case",
       "GET",
       "/?Param2=value2&Param1=value1",
       {},
       "",
       kUsual,
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-utf8-query",
       "GET",
       "/?\xe1\x88\xb4=bar",
       {},
       "",
       kUsual,
       "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
      {"get-utf8",
       "GET",
       "/\xe1\x88\xb4",
       {},
       "",
       kUsual,
       "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
      {"get-space",
       "GET",
       "/example space/",
       {},
       "",
       kUsual,
       "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
      {"get-relative",
       "GET",
       "/example/..",
       {},
       "",
       kUsual,
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-relative-relative",
       "GET",
       "/example1/example2/../..",
       {},
       "",
       kUsual,
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-slash",
       "GET",
       "//",
       {},
       "",
       kUsual,
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-slash-dot-slash",
       "GET",
       "/./",
       {},
       "",
       kUsual,
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-header-key-duplicate",
       "GET",
       "/",
       {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
       "",
       "host;my-header1;x-amz-date",
       "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
      {"get-header-value-order",
       "GET",
       "/",
       {{"My-Header1", "value4"},
        {"My-Header1", "value1"},
        {"My-Header1", "value3"},
        {"My-Header1", "value2"}},
       "",
       "host;my-header1;x-amz-date",
       "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
      {"get-header-value-trim",
       "GET",
       "/",
       {{"My-Header1", "value1"}, {"My-Header2", "\"a   b   c\""}},
       "",
       "host;my-header1;my-header2;x-amz-date",
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"post-vanilla",
       "POST",
       "/",
       {},
       "",
       kUsual,
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"post-header-key-sort",
       "POST",
       "/",
       {{"My-Header1", "value1"}},
       "",
       "host;my-header1;x-amz-date",
       "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
      {"post-header-value-case",
       "POST",
       "/",
       {{"My-Header1", "VALUE1"}},
       "",
       "host;my-header1;x-amz-date",
       "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
      {"post-x-www-form-urlencoded",
       "POST",
       "/",
       {{"Content-Type", "application/x-www-form-urlencoded"}},
       "Param1=value1",
       "content-type;host;x-amz-date",
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
  };
  return all;
}

TEST(SigV4, aws_published_vectors_verify) {
  Verifier verifier;
  const AwsKeyring keys = keyring();
  for (const Vector& v : vectors()) {
    const std::string authorization =
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=" +
        v.signed_fields + ", Signature=" + v.signature;
    Fields fields = {{"Host", "example.amazonaws.com"}, {"X-Amz-Date", "20150830T123600Z"}};
    fields.insert(fields.end(), v.fields.begin(), v.fields.end());
    fields.push_back({"Authorization", authorization});
    const auto identity = verifier.verify({v.method, v.target, fields, v.body}, keys, kThen);
    EXPECT_TRUE(identity) << v.name << ": " << (identity ? "" : identity.error().what);
    if (!identity) continue;
    EXPECT_EQ(identity->access_key, "AKIDEXAMPLE");
    EXPECT_EQ(identity->key, keys.find("AKIDEXAMPLE"));
    EXPECT_EQ(identity->date, "20150830");
    EXPECT_EQ(identity->region, "us-east-1");
    EXPECT_EQ(identity->service, "service");
  }
}

TEST(SigV4, the_signer_makes_the_published_signatures) {
  Signer signer;
  for (const Vector& v : vectors()) {
    Fields fields = {{"Host", "example.amazonaws.com"}};
    fields.insert(fields.end(), v.fields.begin(), v.fields.end());
    std::string lines;
    signer.sign({v.method, v.target, fields, v.body}, *keyring().find("AKIDEXAMPLE"),
                {"us-east-1", "service"}, kThen, lines);
    EXPECT_EQ(lines,
              "X-Amz-Date: 20150830T123600Z\r\nAuthorization: AWS4-HMAC-SHA256 "
              "Credential=AKIDEXAMPLE/20150830/"
              "us-east-1/service/aws4_request, SignedHeaders=" +
                  v.signed_fields + ", Signature=" + v.signature + "\r\n")
        << v.name;
  }
}

// ── requests of a real client ────────────────────────────────────────────────────────────────────

TEST(SigV4, what_botocore_signs_verifies) {
  std::stringstream text;
  text << std::ifstream("tests/sigv4_requests.http", std::ios::binary).rdbuf();
  const std::string bytes = text.str();
  ASSERT_FALSE(bytes.empty());
  std::string_view in = bytes;
  const WallTime now = WallTime(sys_days(year(2026) / 11 / 22)) + 23h + 31min;
  const AwsKeyring keys = keyring();
  http::RequestReader reader;
  Fields fields;
  Verifier verifier;
  std::string body;
  size_t count = 0;
  std::set<std::string> services, regions;
  for (bool more = true; more;) {
    switch (reader.next(in, {}, fields)) {
      case http::Event::head: body.clear(); break;
      case http::Event::body: body += reader.body(); break;
      case http::Event::end: {
        ++count;
        const auto& head = reader.head();
        const auto identity = verifier.verify({head.method, head.target, fields, body}, keys, now);
        EXPECT_TRUE(identity) << head.method << " " << head.target << ": " << identity.error().what;
        if (!identity) break;
        services.emplace(identity->service);
        regions.emplace(identity->region);
        break;
      }
      case http::Event::more: more = false; break;
      case http::Event::refused: FAIL() << reader.refusal().what;
    }
  }
  EXPECT_EQ(count, 20u);
  EXPECT_EQ(services, (std::set<std::string>{"cloudfront", "dynamodb", "globalaccelerator",
                                             "route53", "s3", "sts"}));
  EXPECT_EQ(regions,
            (std::set<std::string>{"ap-southeast-2", "eu-west-1", "us-east-1", "us-west-2"}));
}

// ── one signed request, and what may be done to it ───────────────────────────────────────────────

constexpr WallTime kNow = WallTime(sys_days(year(2026) / 11 / 22)) + 12h;

struct Signed {
  std::string method = "POST", target = "/a/path?x=1&y=2", body = "{\"TableName\":\"T\"}";
  std::vector<std::pair<std::string, std::string>> fields = {
      {"Host", "127.70.0.1:8000"}, {"Content-Type", "application/x-amz-json-1.0"},
      {"X-Amz-Target", "DynamoDB_20120810.GetItem"}};
  bool tls = false;

  Fields views() const {
    Fields out;
    for (const auto& [name, value] : fields) out.push_back({name, value});
    return out;
  }
  // Signs all fields and appends the two new ones.
  Signed& sign(WallTime at = kNow, std::string_view region = "eu-west-1",
               std::string_view service = "dynamodb", std::string_view id = "AKIDEXAMPLE") {
    std::string lines;
    const AwsKeyring keys = keyring();
    const Fields now = views();
    Signer().sign({method, target, now, body}, *keys.find(id), {region, service}, at, lines);
    const size_t second = lines.find("\r\n") + 2;
    fields.emplace_back("X-Amz-Date", lines.substr(12, 16));
    fields.emplace_back("Authorization", lines.substr(second + 15, lines.size() - second - 17));
    return *this;
  }
  std::string& value(std::string_view name) {
    for (auto& [n, v] : fields) {
      if (n == name) return v;
    }
    ADD_FAILURE() << name;
    return body;
  }
  Signed& replace(const std::string& what, const std::string& with) {
    std::string& text = value("Authorization");
    const size_t at = text.find(what);
    EXPECT_NE(at, text.npos) << what;
    text.replace(at, what.size(), with);
    return *this;
  }
  // "" when it verifies, else the name of the error in JSON services.
  std::string verdict(WallTime now = kNow, const AwsKeyring& keys = keyring()) const {
    Verifier verifier;
    const Fields all = views();
    const auto identity = verifier.verify({method, target, all, body, tls}, keys, now);
    if (identity) return "";
    EXPECT_EQ(json_error(identity.error().why).status, 400);
    return std::string(json_error(identity.error().why).type);
  }
  Refusal refusal(WallTime now = kNow) const {
    Verifier verifier;
    const Fields all = views();
    const AwsKeyring keys = keyring();
    const auto identity = verifier.verify({method, target, all, body, tls}, keys, now);
    EXPECT_FALSE(identity);
    return identity ? Refusal{} : identity.error();
  }
};

const std::string kMissing = "MissingAuthenticationTokenException",
                  kIncomplete = "IncompleteSignatureException",
                  kUnknown = "UnrecognizedClientException", kInvalid = "InvalidSignatureException";

TEST(SigV4, what_the_signer_signs_verifies) {
  EXPECT_EQ(Signed().sign().verdict(), "");
  EXPECT_EQ(Signed().sign(kNow, "us-east-1", "s3").verdict(), "");
  EXPECT_EQ(Signed().sign(kNow, "x", "y", "AKIASECONDEXAMPLE000").verdict(), "");
}

TEST(SigV4, whatever_is_changed_no_longer_verifies) {
  const Signed good = Signed().sign();
  for (size_t at = 0; at < good.body.size(); ++at) {
    Signed bad = good;
    bad.body[at] ^= 1;
    EXPECT_EQ(bad.verdict(), kInvalid);
  }
  for (const auto& [name, value] : good.fields) {
    for (size_t at = 0; at < value.size(); ++at) {
      Signed bad = good;
      bad.value(name)[at] ^= 1;
      EXPECT_NE(bad.verdict(), "") << bad.value(name);
    }
    Signed less = good;
    std::erase_if(less.fields, [&](const auto& f) { return f.first == name; });
    EXPECT_NE(less.verdict(), "") << "without " << name;
  }
  Signed other = good;
  other.method = "PUT";
  EXPECT_EQ(other.verdict(), kInvalid);
  for (const char* target : {"/a/path", "/a/path?x=1&y=3", "/a/path?x=1", "/a/path?x=1&y=2&z",
                             "/a/Path?x=1&y=2", "/a/path/?x=1&y=2", "/a%2Fpath?x=1&y=2"}) {
    other = good;
    other.target = target;
    EXPECT_EQ(other.verdict(), kInvalid) << target;
  }
  EXPECT_EQ(good.verdict(kNow, keyring("another/secret")), kInvalid);
}

TEST(SigV4, what_means_the_same_still_verifies) {
  Signed s = Signed().sign();
  s.target = "/a/./b/..//path?y=2&x=%31";
  EXPECT_EQ(s.verdict(), "");
  s.value("Content-Type") = "  application/x-amz-json-1.0 ";
  EXPECT_EQ(s.verdict(), "");
  s.fields.insert(s.fields.begin(), {"User-Agent", "not signed"});
  EXPECT_EQ(s.verdict(), "");
  for (auto& [name, value] : s.fields) {
    for (char& c : name) c = http::lower(c);
  }
  EXPECT_EQ(s.verdict(), "");
  // no blank after the comma
  s.fields.back().second.replace(s.fields.back().second.find(", S"), 2, ",");
  EXPECT_EQ(s.verdict(), "");
}

TEST(SigV4, a_quarter_of_an_hour_either_side_and_no_second_more) {
  const Signed s = Signed().sign();
  EXPECT_EQ(s.verdict(kNow + 15min), "");
  EXPECT_EQ(s.verdict(kNow + 15min + 999ms), "");
  EXPECT_EQ(s.verdict(kNow - 15min), "");
  const Refusal late = s.refusal(kNow + 15min + 1s), early = s.refusal(kNow - 15min - 1s);
  EXPECT_EQ(late.why, Why::expired);
  EXPECT_EQ(late.what, "Signature expired: 20261122T120000Z is now earlier than 20261122T120001Z "
                       "(20261122T121501Z - 15 min.)");
  EXPECT_EQ(early.why, Why::not_yet_valid);
  EXPECT_EQ(early.what,
            "Signature not yet current: 20261122T120000Z is still later than 20261122T115959Z "
            "(20261122T114459Z + 15 min.)");
  EXPECT_EQ(s.verdict(kNow + 16min), kInvalid);
}

TEST(SigV4, the_day_of_the_scope_is_the_day_of_the_date) {
  const WallTime before_midnight = WallTime(sys_days(year(2026) / 11 / 22)) + 23h + 59min + 59s;
  EXPECT_EQ(Signed().sign(before_midnight).verdict(before_midnight + 10s), "");
  Signed s = Signed().sign();
  EXPECT_EQ(s.replace("/20261122/", "/20261121/").refusal().why, Why::bad_scope);
}

TEST(SigV4, a_date_field_will_do) {
  // As a client would that signs Date: by hand, over the same canonical request.
  const std::string date(http::view(http::format_http_date(kNow)));
  for (const std::string& form : {date, std::string("20261122T120000Z")}) {
    Sha256 sha;
    const std::string canonical = "GET\n/\n\ndate:" + form + "\nhost:h\n\ndate;host\n" +
                                  std::string(view(Sha256::hex(sha.of(""))));
    const std::string to_sign = "AWS4-HMAC-SHA256\n20261122T120000Z\n20261122/r/s/aws4_request\n" +
                                std::string(view(Sha256::hex(sha.of(canonical))));
    const auto step = [&](const auto& key, std::string_view text) {
      return sha.hmac({reinterpret_cast<const uint8_t*>(key.data()), key.size()}, text);
    };
    const auto key =
        step(step(step(step("AWS4" + std::string(kSecret), "20261122"), "r"), "s"), "aws4_request");
    Signed s;
    s.method = "GET", s.target = "/", s.body = "";
    s.fields = {{"Host", "h"},
                {"Date", form},
                {"Authorization",
                 "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/r/s/aws4_request, "
                 "SignedHeaders=date;host, Signature=" +
                     std::string(view(Sha256::hex(step(key, to_sign))))}};
    EXPECT_EQ(s.verdict(), "") << form;
    s.value("Date") = "yesterday";
    EXPECT_EQ(s.verdict(), kIncomplete);
  }
}

// ── refusals ─────────────────────────────────────────────────────────────────────────────────────

TEST(SigV4, a_request_without_a_signature) {
  Signed s;
  EXPECT_EQ(s.verdict(), kMissing);
  EXPECT_EQ(s.refusal().what, "Request is missing Authentication Token");
  s.target = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0123";
  EXPECT_EQ(s.refusal().why, Why::presigned);
}

TEST(SigV4, a_signature_that_lacks_something) {
  const Signed good = Signed().sign();
  const std::string authorization = good.fields.back().second;
  const auto with = [&](const std::string& text) {
    Signed s = good;
    s.fields.back().second = text;
    return s.refusal();
  };
  EXPECT_EQ(with("AWS4-HMAC-SHA256").what,
            "Authorization header requires 'Credential' parameter. Authorization header requires "
            "'Signature' "
            "parameter. Authorization header requires 'SignedHeaders' parameter.");
  for (const std::string& text :
       {std::string("AWS4-HMAC-SHA1 ") + authorization.substr(17),
        std::string("AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature="),
        authorization + ", Credential=AKIDEXAMPLE/20261122/eu-west-1/dynamodb/aws4_request",
        authorization + ", More=x"}) {
    EXPECT_EQ(with(text).why, Why::incomplete_signature) << text;
    EXPECT_EQ(with(text).what.find("dXNl"), std::string::npos)
        << "nothing of the field is repeated";
  }
  for (const std::string text : {"Basic dXNlcjpwYXNz", "Bearer x", "AWS AKIDEXAMPLE:x", ""}) {
    EXPECT_EQ(with(text).why, Why::missing_token) << text;
    EXPECT_EQ(with(text).what.find("dXNl"), std::string::npos)
        << "nothing of the field is repeated";
  }
  EXPECT_EQ(Signed(good).replace("/dynamodb/", "/").verdict(), kIncomplete);
  EXPECT_EQ(Signed(good).replace("/dynamodb/", "/dynamodb/x/").verdict(), kIncomplete);
  EXPECT_EQ(Signed(good).replace("aws4_request", "aws5_request").refusal().why, Why::bad_scope);
  EXPECT_EQ(Signed(good).replace("/eu-west-1/", "//").refusal().why, Why::bad_scope);
  EXPECT_EQ(Signed(good).replace("/eu-west-1/", "/" + std::string(65, 'x') + "/").refusal().why,
            Why::bad_scope);
  Signed twice = good;
  twice.fields.push_back(good.fields.back());
  EXPECT_EQ(twice.verdict(), kIncomplete);
  twice = good;
  twice.fields.emplace_back("X-Amz-Date", "20261122T120000Z");
  EXPECT_EQ(twice.verdict(), kIncomplete);
}

TEST(SigV4, a_date_that_is_none) {
  for (const char* date :
       {"20261122T1200Z", "20261322T120000Z", "20260230T120000Z", "20261122T240000Z",
        "20261122T120000", "2026112aT120000Z", "Sun, 22 Nov 2026 12:00:00 GMT", ""}) {
    Signed s = Signed().sign();
    s.value("X-Amz-Date") = date;
    EXPECT_EQ(s.verdict(), kIncomplete) << date;
  }
}

TEST(SigV4, what_must_be_signed_is_demanded) {
  // Signed over fewer fields than the request has.
  for (const char* name : {"host", "x-amz-date", "x-amz-target"}) {
    Signed s = Signed().sign();
    const std::string list = "content-type;host;x-amz-date;x-amz-target";
    std::string fewer = list;
    fewer.erase(std::min(fewer.find(name), fewer.size()), std::string(name).size() + 1);
    if (name == std::string("x-amz-target")) fewer = "content-type;host;x-amz-date";
    const Refusal refusal = s.replace(list, fewer).refusal();
    EXPECT_EQ(refusal.why, Why::signature_mismatch) << name;
    EXPECT_NE(refusal.what.find("must be a 'SignedHeader'"), std::string::npos) << refusal.what;
  }
  Signed added = Signed().sign();
  added.fields.emplace_back("x-amz-copy-source", "somebody else's");
  EXPECT_NE(added.refusal().what.find("must be a 'SignedHeader'"), std::string::npos);
}

TEST(SigV4, signed_headers_in_order_each_once_and_so_many) {
  const std::string list = "content-type;host;x-amz-date;x-amz-target";
  for (const char* other :
       {"host;content-type;x-amz-date;x-amz-target",
        "content-type;host;host;x-amz-date;x-amz-target",
        "Content-Type;host;x-amz-date;x-amz-target", "content-type;;host;x-amz-date;x-amz-target",
        "content-type;host;x-amz-date;x-amz-target;"}) {
    EXPECT_EQ(Signed().sign().replace(list, other).refusal().why, Why::incomplete_signature)
        << other;
  }
  EXPECT_EQ(Signed().sign().replace(list, list + ";x-not-there").verdict(), kInvalid);
  for (const size_t more : {Verifier::kSignedFieldsMax - 4, Verifier::kSignedFieldsMax - 3}) {
    Signed s;
    for (size_t i = 0; i < more; ++i)
      s.fields.emplace_back("X-More-" + std::to_string(100 + i), "v");
    EXPECT_EQ(s.sign().verdict(), more == Verifier::kSignedFieldsMax - 4 ? "" : kIncomplete)
        << more;
  }
}

TEST(SigV4, so_many_query_parameters) {
  for (const size_t count : {Verifier::kQueryMax, Verifier::kQueryMax + 1}) {
    Signed s;
    s.target = "/?p";
    for (size_t i = 1; i < count; ++i) s.target += "&p=" + std::to_string(i);
    if (count == Verifier::kQueryMax) {
      EXPECT_EQ(s.sign().verdict(), "");
    } else {
      s.target = "/", s.sign(), s.target = "/?p";
      for (size_t i = 1; i < count; ++i) s.target += "&p";
      EXPECT_EQ(s.verdict(), kInvalid);
    }
  }
}

TEST(SigV4, strangers_and_temporary_credentials) {
  EXPECT_EQ(Signed().sign().replace("AKIDEXAMPLE", "AKIDNOBODY").verdict(), kUnknown);
  Signed s;
  s.fields.emplace_back("X-Amz-Security-Token", "token");
  EXPECT_EQ(s.sign().refusal().why, Why::security_token);
  EXPECT_EQ(s.verdict(), kUnknown);
}

TEST(SigV4, the_body_hash_that_is_sent_must_be_the_body_s) {
  const std::string hash(view(Sha256::hex(Sha256().of(Signed().body))));
  Signed s;
  s.fields.emplace_back("X-Amz-Content-Sha256", hash);
  EXPECT_EQ(s.sign().verdict(), "");
  s.body += " ";
  EXPECT_EQ(s.refusal().why, Why::body_mismatch);
}

TEST(SigV4, an_unsigned_body_over_tls_only) {
  Signed s;
  s.fields.emplace_back("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD");
  s.sign();
  EXPECT_EQ(s.refusal().why, Why::unsigned_payload);
  s.tls = true;
  EXPECT_EQ(s.verdict(), "");
  s.body = "anything";
  EXPECT_EQ(s.verdict(), "");
  Signed streaming;
  streaming.tls = true;
  streaming.fields.emplace_back("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
  EXPECT_EQ(streaming.sign().refusal().why, Why::unsigned_payload);
}

TEST(SigV4, no_refusal_names_a_secret) {
  const Signed good = Signed().sign();
  const std::string signature =
      good.fields.back().second.substr(good.fields.back().second.size() - 64);
  for (const auto& [name, value] : good.fields) {
    for (size_t at = 0; at < value.size(); ++at) {
      Signed bad = good;
      bad.value(name)[at] ^= 1;
      const std::string what = bad.refusal().what;
      EXPECT_EQ(what.find(kSecret), what.npos);
      EXPECT_EQ(what.find(signature), what.npos);
    }
  }
}

// ── the table of derived keys ────────────────────────────────────────────────────────────────────

TEST(SigV4, one_verifier_keeps_keys_days_regions_and_services_apart) {
  Verifier verifier;
  const AwsKeyring keys = keyring(), changed = keyring("a/new/secret");
  const auto verify = [&](const Signed& s, const AwsKeyring& with, WallTime now) {
    const Fields all = s.views();
    return verifier.verify({s.method, s.target, all, s.body}, with, now).has_value();
  };
  // More than the table holds, twice, so that each is derived, found or derived again.
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < int(Verifier::kDerivedMax) * 2; ++i) {
      const WallTime day = kNow + hours(24 * (i % 3));
      const Signed s =
          Signed().sign(day, "region-" + std::to_string(i % 97), "service-" + std::to_string(i % 7),
                        i % 2 == 0 ? "AKIDEXAMPLE" : "AKIASECONDEXAMPLE000");
      ASSERT_TRUE(verify(s, keys, day)) << i;
    }
  }
  const Signed s = Signed().sign();
  EXPECT_TRUE(verify(s, keys, kNow));
  EXPECT_FALSE(verify(s, changed, kNow)) << "the remembered key is of the old secret";
  EXPECT_TRUE(verify(s, keys, kNow));
}

TEST(SigV4, verifying_again_allocates_nothing) {
#ifdef SL_COUNTS_ALLOCATIONS
  const Signed s = Signed().sign();
  const Fields all = s.views();
  const AwsKeyring keys = keyring();
  Verifier verifier;
  const auto verify = [&] {
    return verifier.verify({s.method, s.target, all, s.body}, keys, kNow).has_value();
  };
  EXPECT_TRUE(verify());
  const uint64_t before = allocation_count.load();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(verify());
  EXPECT_EQ(allocation_count.load() - before, 0u);
#else
  GTEST_SKIP() << "the sanitizer owns the allocator";
#endif
}

}  // namespace
}  // namespace sealane::wire::sigv4
