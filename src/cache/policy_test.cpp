// SPDX-License-Identifier: Apache-2.0
#include "cache/policy.h"

#include <gtest/gtest.h>

#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace sealane::cache {

void PrintTo(Why why, std::ostream* out) { *out << name(why); }

namespace {

using wire::http::Field;
using Fields = std::vector<Field>;

constexpr Instant kGot = Instant(1000s);
constexpr WallTime kWall = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22));
constexpr std::string_view kNowDate = "Sun, 22 Nov 2026 00:00:00 GMT";
constexpr std::string_view kTenAgo = "Sat, 21 Nov 2026 23:59:50 GMT";
constexpr std::string_view kInOneMinute = "Sun, 22 Nov 2026 00:01:00 GMT";
constexpr std::string_view kTenDaysAgo = "Thu, 12 Nov 2026 00:00:00 GMT";

Rule clamped(Duration min, Duration standard, Duration max, bool overrides = false) {
  return {.mode = Rule::Mode::clamp,
          .ttl_min = min,
          .ttl_default = standard,
          .ttl_max = max,
          .ttl_min_overrides_private = overrides};
}
const Rule kRfc = {.mode = Rule::Mode::rfc9111};

Verdict judge(const Rule& rule, const Fields& response, uint16_t status = 200,
              const Fields& request = {}, std::string_view method = "GET") {
  return may_store(
      rule, {.method = method, .fields = request},
      {.status = status, .fields = response, .asked_at = kGot, .got_at = kGot, .wall = kWall});
}

Field cc(std::string_view value) { return {"Cache-Control", value}; }
const Field kTag = {"ETag", "\"a\""};

struct Row {
  const char* what;
  Fields response;
  uint16_t status;
  Why why;
  std::optional<Duration> fresh_for;  // nullopt: not stored
};

void expect_rows(const Rule& rule, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const Verdict got = judge(rule, row.response, row.status);
    EXPECT_EQ(got.why, row.why) << row.what;
    EXPECT_EQ(got.store, row.fresh_for.has_value()) << row.what;
    if (row.fresh_for) EXPECT_EQ(got.freshness.fresh_for, *row.fresh_for) << row.what;
  }
}

TEST(Clamp, the_table_with_a_minimum_of_zero) {
  expect_rows(
      clamped(0s, 300s, 3600s),
      {
          {"nothing said", {}, 200, Why::default_freshness, 300s},
          {"max-age inside", {cc("max-age=60")}, 200, Why::explicit_freshness, 60s},
          {"max-age above", {cc("max-age=9999")}, 200, Why::explicit_freshness, 3600s},
          {"s-maxage wins", {cc("max-age=60, s-maxage=90")}, 200, Why::explicit_freshness, 90s},
          {"Expires", {{"Expires", kInOneMinute}}, 200, Why::explicit_freshness, 60s},
          {"max-age beats Expires",
           {cc("max-age=5"), {"Expires", kInOneMinute}},
           200,
           Why::explicit_freshness,
           5s},
          {"broken Expires", {{"Expires", "0"}}, 200, Why::no_freshness, {}},
          {"broken Expires, validator", {{"Expires", "0"}, kTag}, 200, Why::validator_only, 0s},
          {"max-age=0", {cc("max-age=0")}, 200, Why::no_freshness, {}},
          {"max-age=0, validator", {cc("max-age=0"), kTag}, 200, Why::validator_only, 0s},
          {"no-store", {cc("no-store, max-age=60")}, 200, Why::no_store, {}},
          {"private", {cc("private, max-age=60")}, 200, Why::is_private, {}},
          {"no-cache", {cc("no-cache")}, 200, Why::no_freshness, {}},
          {"no-cache, validator", {cc("no-cache"), kTag}, 200, Why::validator_only, 0s},
          {"Age taken off", {cc("max-age=60"), {"Age", "20"}}, 200, Why::explicit_freshness, 40s},
          {"unusual status", {}, 302, Why::no_freshness, {}},
          {"unusual status, said", {cc("max-age=60")}, 302, Why::explicit_freshness, 60s},
      });
}

TEST(Clamp, the_table_with_a_minimum) {
  expect_rows(clamped(60s, 30s, 3600s),
              {
                  {"nothing said", {}, 200, Why::default_freshness, 60s},
                  {"max-age below", {cc("max-age=5")}, 200, Why::explicit_freshness, 60s},
                  {"max-age inside", {cc("max-age=100")}, 200, Why::explicit_freshness, 100s},
                  {"max-age above", {cc("max-age=9999")}, 200, Why::explicit_freshness, 3600s},
                  {"older than its lifetime",
                   {cc("max-age=5"), {"Age", "900"}},
                   200,
                   Why::explicit_freshness,
                   60s},
                  {"no-store", {cc("no-store")}, 200, Why::no_store, {}},
                  {"private", {cc("private")}, 200, Why::is_private, {}},
                  {"no-cache, validator", {cc("no-cache"), kTag}, 200, Why::validator_only, 0s},
              });
}

TEST(Clamp, only_when_asked_does_the_minimum_override_private) {
  expect_rows(clamped(60s, 300s, 3600s, true),
              {
                  {"no-store", {cc("no-store")}, 200, Why::explicit_freshness, 60s},
                  {"private", {cc("private")}, 200, Why::explicit_freshness, 60s},
                  {"no-cache", {cc("no-cache")}, 200, Why::explicit_freshness, 60s},
              });
  // There is nothing to override with.
  expect_rows(clamped(0s, 300s, 3600s, true),
              {{"private", {cc("private")}, 200, Why::is_private, {}}});
  // Authorization and Set-Cookie are not part of it.
  EXPECT_EQ(judge(clamped(60s, 300s, 1h, true), {{"Set-Cookie", "a=b"}}).why, Why::set_cookie);
}

TEST(Clamp, errors_of_the_list_are_kept_for_the_error_ttl) {
  Rule rule = clamped(0s, 300s, 3600s);
  rule.error_ttl = 10s;
  for (const uint16_t status : std::vector<uint16_t>{404, 414, 500, 501, 502, 503, 504}) {
    EXPECT_EQ(judge(rule, {}, status).freshness.fresh_for, 10s) << status;
    EXPECT_EQ(judge(rule, {cc("max-age=3")}, status).freshness.fresh_for, 10s) << status;
    EXPECT_EQ(judge(rule, {cc("max-age=33")}, status).freshness.fresh_for, 33s) << status;
    EXPECT_FALSE(judge(rule, {cc("no-store")}, status).store) << status;
  }
  for (const uint16_t status : std::vector<uint16_t>{400, 403, 412, 415}) {
    EXPECT_FALSE(judge(rule, {}, status).store) << status;
    EXPECT_TRUE(judge(rule, {cc("max-age=3")}, status).store) << status;
  }
}

TEST(Rfc9111, the_table) {
  expect_rows(
      kRfc,
      {
          {"nothing said", {}, 200, Why::no_freshness, {}},
          {"max-age", {cc("max-age=60")}, 200, Why::explicit_freshness, 60s},
          {"s-maxage before max-age",
           {cc("max-age=60, s-maxage=7")},
           200,
           Why::explicit_freshness,
           7s},
          {"Expires minus Date",
           {{"Date", kTenAgo}, {"Expires", kInOneMinute}},
           200,
           Why::explicit_freshness,
           60s},
          {"Expires without Date", {{"Expires", kInOneMinute}}, 200, Why::explicit_freshness, 60s},
          {"Age taken off", {cc("max-age=60"), {"Age", "59"}}, 200, Why::explicit_freshness, 1s},
          {"came stale", {cc("max-age=60"), {"Age", "61"}}, 200, Why::no_freshness, {}},
          {"came stale, validator",
           {cc("max-age=60"), {"Age", "61"}, kTag},
           200,
           Why::validator_only,
           -1s},
          {"only ETag", {kTag}, 200, Why::validator_only, 0s},
          {"heuristic",
           {{"Date", kNowDate}, {"Last-Modified", kTenDaysAgo}},
           200,
           Why::default_freshness,
           24h},
          {"heuristic, wrong status", {{"Last-Modified", kTenDaysAgo}}, 302, Why::no_freshness, {}},
          {"any status, said", {cc("max-age=60")}, 418, Why::explicit_freshness, 60s},
          {"an error, nothing said", {}, 503, Why::no_freshness, {}},
          {"no-store", {cc("no-store, max-age=60")}, 200, Why::no_store, {}},
          {"private", {cc("private, max-age=60")}, 200, Why::is_private, {}},
          {"no-cache", {cc("no-cache, max-age=60")}, 200, Why::no_freshness, {}},
          {"no-cache, validator",
           {cc("no-cache, max-age=60"), kTag},
           200,
           Why::validator_only,
           60s},
          {"must-understand",
           {cc("must-understand, no-store, max-age=60")},
           200,
           Why::explicit_freshness,
           60s},
          {"must-understand, unknown", {cc("must-understand, max-age=60")}, 299, Why::status, {}},
          {"206", {cc("max-age=60")}, 206, Why::status, {}},
          {"304", {cc("max-age=60")}, 304, Why::status, {}},
          {"1xx", {cc("max-age=60")}, 103, Why::status, {}},
      });
}

TEST(Rfc9111, the_heuristic_is_a_tenth_and_at_most_a_day) {
  const auto fresh = [](std::string_view modified) {
    return judge(kRfc, {{"Date", kNowDate}, {"Last-Modified", modified}}).freshness.fresh_for;
  };
  EXPECT_EQ(fresh(kTenAgo), 1s);
  EXPECT_EQ(fresh(kTenDaysAgo), 24h);
  EXPECT_EQ(fresh("Mon, 01 Jan 0001 00:00:00 GMT"), 24h);
  EXPECT_EQ(fresh(kInOneMinute), 0s);  // modified in the future
}

TEST(Store, a_request_with_authorization_needs_permission) {
  const Fields request = {{"Authorization", "Bearer x"}};
  for (const Rule& rule : {kRfc, clamped(60s, 300s, 1h)}) {
    EXPECT_EQ(judge(rule, {cc("max-age=60")}, 200, request).why, Why::authorization);
    EXPECT_TRUE(judge(rule, {cc("max-age=60, public")}, 200, request).store);
    EXPECT_TRUE(judge(rule, {cc("s-maxage=60")}, 200, request).store);
    EXPECT_TRUE(judge(rule, {cc("max-age=60, must-revalidate")}, 200, request).store);
  }
  EXPECT_FALSE(is_lasting(Why::authorization));
  EXPECT_TRUE(is_lasting(Why::no_store));
}

TEST(Store, set_cookie_vary_any_and_other_methods_are_not_stored) {
  EXPECT_EQ(judge(kRfc, {cc("max-age=60"), {"Set-Cookie", "a=b"}}).why, Why::set_cookie);
  Rule cookies = kRfc;
  cookies.store_set_cookie = true;
  EXPECT_TRUE(judge(cookies, {cc("max-age=60"), {"Set-Cookie", "a=b"}}).store);
  EXPECT_EQ(judge(kRfc, {cc("max-age=60"), {"Vary", "a, *"}}).why, Why::vary_any);
  EXPECT_EQ(judge(kRfc, {cc("max-age=60")}, 200, {}, "POST").why, Why::method);
  EXPECT_EQ(judge(kRfc, {cc("max-age=60")}, 200, {}, "HEAD").why, Why::method);
  EXPECT_EQ(judge(Rule{}, {cc("max-age=60")}).why, Why::rule);
}

TEST(Age, is_computed_as_rfc_9111_4_2_3_says) {
  const auto age = [](const Fields& fields, Duration delay) {
    const Got got = {
        .status = 200, .fields = fields, .asked_at = kGot - delay, .got_at = kGot, .wall = kWall};
    const Verdict v = may_store(clamped(0s, 300s, 1h), {.method = "GET", .fields = {}}, got);
    return age_s(v.freshness, kGot, kGot + 5s);
  };
  EXPECT_EQ(age({}, 0s), 5);
  EXPECT_EQ(age({{"Age", "20"}}, 0s), 25);
  EXPECT_EQ(age({{"Age", "20"}}, 3s), 28);                     // response delay
  EXPECT_EQ(age({{"Date", kTenAgo}}, 0s), 15);                 // apparent age
  EXPECT_EQ(age({{"Date", kTenAgo}, {"Age", "20"}}, 0s), 25);  // the larger
  EXPECT_EQ(age({{"Date", kInOneMinute}}, 0s), 5);             // a clock ahead of ours
  EXPECT_EQ(age({{"Age", "old"}}, 0s), 5);
  EXPECT_GT(age({{"Age", "99999999999999"}, {"Date", "Mon, 01 Jan 0001 00:00:00 GMT"}}, 0s),
            1 << 30);
}

Freshness fresh(const Rule& rule, const Fields& response) {
  return judge(rule, response).freshness;
}
Use use_at(const Rule& rule, const Freshness& f, Duration after, const Fields& request = {}) {
  return use(rule, f, kGot, {.method = "GET", .fields = request}, kGot + after);
}

TEST(Use, fresh_then_refresh_then_validate) {
  const Freshness f = fresh(kRfc, {cc("max-age=10, stale-while-revalidate=5")});
  EXPECT_EQ(use_at(kRfc, f, 9s), Use::fresh);
  EXPECT_EQ(use_at(kRfc, f, 10s), Use::refresh);
  EXPECT_EQ(use_at(kRfc, f, 14s), Use::refresh);
  EXPECT_EQ(use_at(kRfc, f, 15s), Use::validate);
}

TEST(Use, no_cache_is_always_validated) {
  const Freshness f = fresh(kRfc, {cc("max-age=10, no-cache, stale-while-revalidate=5"), kTag});
  EXPECT_EQ(use_at(kRfc, f, 0s), Use::validate);
  EXPECT_FALSE(may_serve_on_error(f, kGot, kGot));
}

TEST(Use, must_revalidate_and_proxy_revalidate_forbid_every_stale_use) {
  for (const std::string_view word : {"must-revalidate", "proxy-revalidate"}) {
    const std::string line =
        "max-age=10, stale-while-revalidate=5, stale-if-error=50, " + std::string(word);
    for (const Rule& rule : {kRfc, clamped(0s, 300s, 1h)}) {
      const Freshness f = fresh(rule, {cc(line)});
      EXPECT_EQ(use_at(rule, f, 11s), Use::validate) << word;
      EXPECT_FALSE(may_serve_on_error(f, kGot, kGot + 11s)) << word;
      EXPECT_EQ(use_at(rule, f, 11s, {cc("max-stale")}), Use::validate) << word;
    }
  }
}

TEST(Use, stale_if_error_is_what_the_origin_says_and_a_day_if_a_clamped_one_says_nothing) {
  const Rule clamp_rule = clamped(0s, 300s, 1h);
  const auto on_error = [](const Freshness& f, Duration after) {
    return may_serve_on_error(f, kGot, kGot + after);
  };
  const Freshness said = fresh(kRfc, {cc("max-age=10, stale-if-error=20")});
  EXPECT_TRUE(on_error(said, 29s));
  EXPECT_FALSE(on_error(said, 30s));
  EXPECT_FALSE(on_error(fresh(kRfc, {cc("max-age=10")}), 11s));
  EXPECT_TRUE(on_error(fresh(clamp_rule, {cc("max-age=10")}), 23h));
  EXPECT_FALSE(on_error(fresh(clamp_rule, {cc("max-age=10")}), 25h));
  EXPECT_FALSE(on_error(fresh(clamp_rule, {cc("max-age=10, stale-if-error=0")}), 11s));
}

TEST(Use, a_client_is_heeded_on_an_rfc9111_path_and_not_on_a_clamped_one) {
  const Fields response = {cc("max-age=100"), {"Age", "30"}};
  struct Case {
    const char* request;
    Duration after;
    Use heeded, ignored;
  };
  for (const Case& c : {
           Case{"no-cache", 0s, Use::validate, Use::fresh},
           Case{"no-cache, only-if-cached", 0s, Use::unavailable, Use::fresh},
           Case{"max-age=40", 10s, Use::fresh, Use::fresh},
           Case{"max-age=40", 11s, Use::validate, Use::fresh},
           Case{"min-fresh=60", 10s, Use::fresh, Use::fresh},
           Case{"min-fresh=60", 11s, Use::validate, Use::fresh},
           Case{"max-stale=5", 75s, Use::fresh, Use::validate},
           Case{"max-stale=5", 76s, Use::validate, Use::validate},
           Case{"max-stale", 76h, Use::fresh, Use::validate},
           Case{"only-if-cached", 71s, Use::unavailable, Use::validate},
           Case{"only-if-cached", 60s, Use::fresh, Use::fresh},
       }) {
    const Rule clamp_rule = clamped(0s, 300s, 1h);
    EXPECT_EQ(use_at(kRfc, fresh(kRfc, response), c.after, {cc(c.request)}), c.heeded) << c.request;
    EXPECT_EQ(use_at(clamp_rule, fresh(clamp_rule, response), c.after, {cc(c.request)}), c.ignored)
        << c.request;
  }
}

TEST(Use, max_stale_does_not_pass_over_s_maxage) {
  EXPECT_EQ(use_at(kRfc, fresh(kRfc, {cc("s-maxage=10")}), 11s, {cc("max-stale")}), Use::validate);
}

TEST(Way, what_a_request_may_do_with_the_cache) {
  const Rule rule = clamped(0s, 300s, 1h);
  const auto go = [](const Rule& r, std::string_view method, const Fields& fields) {
    return way(r, {.method = method, .fields = fields});
  };
  EXPECT_EQ(go(rule, "GET", {}), Way::cached);
  EXPECT_EQ(go(rule, "GET", {{"If-None-Match", "*"}, {"Content-Length", "0"}}), Way::cached);
  EXPECT_EQ(go(rule, "HEAD", {}), Way::lookup);
  EXPECT_EQ(go(rule, "GET", {{"Range", "bytes=0-1"}}), Way::lookup);
  EXPECT_EQ(go(rule, "GET", {cc("no-store")}), Way::cached);
  EXPECT_EQ(go(kRfc, "GET", {cc("no-store")}), Way::lookup);
  EXPECT_EQ(go(rule, "GET", {{"if-match", "\"a\""}}), Way::pass);
  EXPECT_EQ(go(rule, "GET", {{"If-Unmodified-Since", kNowDate}}), Way::pass);
  EXPECT_EQ(go(rule, "GET", {{"Content-Length", "3"}}), Way::pass);
  EXPECT_EQ(go(rule, "GET", {{"Transfer-Encoding", "chunked"}}), Way::pass);
  EXPECT_EQ(go(rule, "POST", {}), Way::pass);
  EXPECT_EQ(go(rule, "get", {}), Way::pass);  // methods have case
  EXPECT_EQ(go(Rule{}, "GET", {}), Way::pass);
}

TEST(Invalidate, a_write_that_succeeded_on_an_rfc9111_path) {
  EXPECT_TRUE(invalidates(kRfc, "POST", 201));
  EXPECT_TRUE(invalidates(kRfc, "DELETE", 303));
  EXPECT_FALSE(invalidates(kRfc, "POST", 404));
  EXPECT_FALSE(invalidates(kRfc, "OPTIONS", 200));
  EXPECT_FALSE(invalidates(kRfc, "GET", 200));
  EXPECT_FALSE(invalidates(clamped(0s, 1s, 1s), "POST", 200));
}

}  // namespace
}  // namespace sealane::cache
