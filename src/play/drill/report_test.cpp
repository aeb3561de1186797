// SPDX-License-Identifier: Apache-2.0
// Made-up observations in, judgement out: a good drill is good, and each expectation can be missed.
#include "play/drill/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "plan/world.h"
#include "play/drill/picture.h"

namespace sealane::play::drill {
namespace {

constexpr plan::RegionId kUs{0}, kEu{1};
constexpr plan::EndpointId kUsNode{0}, kEuNode{2};

plan::Plan two_regions() {
  static const plan::Data data = plan::built_in_data(false);
  return plan::compile(
             "domain: agent.example.test\n"
             "regions:\n"
             "  us-east-1: { nodes: [127.1.0.1], agents: ['http://127.1.0.1:9001'] }\n"
             "  eu-west-1: { nodes: [127.2.0.1], agents: ['http://127.2.0.1:9001'] }\n"
             "routing: { policy: latency, ttl: 5s }\n",
             "test.yaml", [](std::string_view) { return fail(Code::not_found, "no file"); }, data)
      .value();
}

class Drilled : public testing::Test {
 protected:
  // As a drill goes that keeps every promise: fault at 2 s, healed at 10 s, over at 22 s.
  void SetUp() override {
    ASSERT_EQ(plan.endpoint(kUsNode).kind, plan::EndpointKind::node);
    ASSERT_EQ(plan.endpoint(kEuNode).region, kEu);
    seen.began = at(0ms);
    seen.fault_at = at(2s), seen.heal_at = at(10s), seen.ended_at = at(22s);
    seen.add(HealthSeen{at(0ms), kEuNode, kUsNode, true, "ok"});
    seen.add(HealthSeen{at(2300ms), kEuNode, kUsNode, false, "connection refused"});
    seen.add(HealthSeen{at(11s), kEuNode, kUsNode, true, "ok"});
    answer(0ms, kUs, {kUs}), answer(0ms, kEu, {kEu});
    answer(2301ms, kUs, {kEu}), answer(11001ms, kUs, {kUs});
    for (Duration t = 0ms; t < 22s; t += 100ms) {
      for (const Kind kind : kKinds) {
        request(kind, t, kEu, kEu);
        const bool away = t >= 2s && t < 16s;
        RequestSeen& r = request(kind, t, kUs, away ? kEu : kUs);
        if (t < 2s || t >= 2600ms) continue;
        if (kind == Kind::ttl_only) r.failure = r.first = Failure::refused, r.served_by = kNowhere;
        if (kind == Kind::retrying)
          r.first = Failure::refused, r.try_count = 3, r.wait = 2700ms - t;
      }
    }
    stream(0ms, 2001ms, kUs, kUs, StreamEnd::torn), stream(2800ms, 22s, kUs, kEu, StreamEnd::open);
    stream(0ms, 22s, kEu, kEu, StreamEnd::open);
  }
  static Instant at(Duration since) { return Instant{} + 1h + since; }
  void answer(Duration when, plan::RegionId near, std::vector<plan::RegionId> regions) {
    seen.add(AnswerSeen{at(when), kEuNode, near, std::move(regions), 5, "NOERROR"});
  }
  RequestSeen& request(Kind kind, Duration when, plan::RegionId near, plan::RegionId by) {
    seen.add(RequestSeen{.intended = at(when),
                         .wait = 1ms,
                         .near = near,
                         .served_by = by,
                         .kind = kind,
                         .try_count = 1,
                         .status = 200});
    return seen.requests.back();
  }
  void stream(Duration from, Duration to, plan::RegionId near, plan::RegionId by, StreamEnd end) {
    seen.add(StreamSeen{.opened = at(from),
                        .began = at(from + 10ms),
                        .ended = at(to),
                        .near = near,
                        .served_by = by,
                        .end = end,
                        .token_count = 30,
                        .longest_gap = 30ms});
  }
  DrillReport report() const {
    return make_report(plan, scenario, seen,
                       {.world = "two.yaml", .started = "2030-01-01T00:00:00Z"});
  }
  // What was missed, for messages.
  std::vector<std::string> missed() const {
    std::vector<std::string> out;
    for (const Verdict& v : report().verdicts) {
      if (v.met == Met::no) out.push_back(v.layer + ": " + v.what + ": " + v.measured);
    }
    return out;
  }

  const plan::Plan plan = two_regions();
  const Scenario scenario = make_scenario(plan, Fault::kill, "us-east-1").value();
  Observations seen;
};

TEST_F(Drilled, that_kept_every_promise_is_good) {
  EXPECT_EQ(missed(), std::vector<std::string>{});
  const DrillReport r = report();
  EXPECT_TRUE(r.is_good());
  ASSERT_EQ(r.detects.size(), 1u);
  EXPECT_EQ(r.detects[0].down_after, Duration(300ms));
  EXPECT_EQ(r.detects[0].up_after, Duration(1s));
  ASSERT_EQ(r.answers.size(), 1u) << "one surviving node, one place that the target serves";
  EXPECT_EQ(r.answers[0].changed_after, Duration(301ms));
  EXPECT_EQ(r.answers[0].during, "eu-west-1");
  const UserRow& retrying = r.users[0];
  EXPECT_EQ(retrying.failed_count, 0u);
  EXPECT_EQ(retrying.first_failed_count, 6u);
  EXPECT_EQ(retrying.longest, Duration(700ms));
  EXPECT_EQ(retrying.elsewhere_after, Duration(601ms));
  EXPECT_EQ(r.users[1].last_failed, Duration(500ms));
  EXPECT_EQ(r.users[1].back_after, Duration(6s));
}

// One change to a good drill, and the expectation that it breaks.
TEST_F(Drilled, each_expectation_can_be_missed) {
  struct Row {
    const char* expectation;
    std::function<void(Observations&)> spoil;
  };
  const auto request_of = [](Observations& o, Kind kind, plan::RegionId near,
                             Duration when) -> RequestSeen& {
    return *std::ranges::find_if(o.requests, [&](const RequestSeen& r) {
      return r.kind == kind && r.near == near && r.intended == at(when);
    });
  };
  const auto failing = [&](Kind kind, plan::RegionId near, Duration when) {
    return [=](Observations& o) { request_of(o, kind, near, when).failure = Failure::timeout; };
  };
  const Row rows[] = {
      {"before the fault no request fails", failing(Kind::prompt, kEu, 1s)},
      {"before the fault users are where",
       [&](auto& o) { request_of(o, Kind::retrying, kUs, 1s).served_by = kEu; }},
      {"every surviving node sees us-east-1 down", [](auto& o) { o.health[1].at = at(2551ms); }},
      {"every surviving node sees us-east-1 down", [](auto& o) { o.health.resize(1); }},
      {"nobody else is taken for dead",
       [](auto& o) { o.add(HealthSeen{at(3s), kEuNode, plan::EndpointId(3), false, "timeout"}); }},
      {"leaves us-east-1 out", [](auto& o) { o.answers[2].at = at(2601ms); }},
      {"no answer is empty",
       [](auto& o) { o.add(AnswerSeen{at(4s), kEuNode, kUs, {}, 0, "SERVFAIL"}); }},
      {"no answer is empty",
       [](auto& o) { o.add(AnswerSeen{at(4s), kEuNode, kUs, {kUs}, 5, "NOERROR"}); }},
      {"no repeatable request of users whose node survives", failing(Kind::retrying, kEu, 2100ms)},
      {"nor waits longer",
       [&](auto& o) { request_of(o, Kind::ttl_only, kEu, 2100ms).wait = 601ms; }},
      {"no prompt of theirs is lost", failing(Kind::prompt, kEu, 2100ms)},
      {"users who retry have no request fail for longer", failing(Kind::retrying, kUs, 5s)},
      {"users who only follow the TTL have no request fail for longer",
       failing(Kind::ttl_only, kUs, 9s)},
      {"users who retry are served elsewhere",
       [](auto& o) {
         for (auto& r : o.requests) {
           if (r.near == kUs && r.intended >= at(2s) && r.intended < at(3200ms))
             r.failure = Failure::timeout;
         }
       }},
      {"no stream through a surviving node breaks",
       [](auto& o) { o.streams[2].end = StreamEnd::torn; }},
      {"every token of theirs arrives", [](auto& o) { o.streams[1].missing_count = 1; }},
      {"broken streams run again elsewhere", [](auto& o) { o.streams[1].began = at(5s); }},
      {"every node sees us-east-1 up again", [](auto& o) { o.health[2].at = at(16s); }},
      {"us-east-1 is in the answers again", [](auto& o) { o.answers.pop_back(); }},
      {"its users are back",
       [&](auto& o) { request_of(o, Kind::ttl_only, kUs, 21900ms).served_by = kEu; }},
      {"no retrying user has a request fail on the way back", failing(Kind::retrying, kUs, 12s)},
      {"the drill runs to its end", [](auto& o) { o.stopped_by = "interrupted"; }},
      {"everything that was seen", [](auto& o) { o.dropped_count = 1; }},
  };
  const Observations good = seen;
  for (const Row& row : rows) {
    seen = good;
    row.spoil(seen);
    const auto found = missed();
    EXPECT_TRUE(std::ranges::any_of(
        found, [&](const std::string& m) { return m.contains(row.expectation); }))
        << row.expectation << "; missed " << found.size()
        << (found.empty() ? "" : ", the first: " + found[0]);
    EXPECT_FALSE(report().is_good()) << row.expectation;
  }
}

TEST_F(Drilled, turns_are_judged_by_what_every_region_has_at_the_end) {
  for (uint32_t n = 1; n <= 10; ++n) {
    seen.add(TurnSeen{.intended = at(n * 1s),
                      .wait = 2ms,
                      .near = kUs,
                      .served_by = n < 3 ? kUs : kEu,
                      .is_ten = true,
                      .number = n,
                      .turn_count = n,
                      .try_count = n == 3 ? 2u : 1u,
                      .is_acknowledged = true});
  }
  for (const plan::RegionId in : {kUs, kEu}) {
    seen.add(ConversationSeen{.near = kUs,
                              .in = in,
                              .is_ten = true,
                              .is_read = true,
                              .acknowledged_count = 10,
                              .there_count = 10,
                              .missing_count = 0});
  }
  EXPECT_EQ(missed(), std::vector<std::string>{});
  ASSERT_EQ(report().turns.size(), 1u);
  EXPECT_EQ(report().turns[0].acknowledged_count, 10u);
  EXPECT_EQ(report().turns[0].repeated_count, 1u);
  EXPECT_EQ(report().turns[0].elsewhere_after, Duration(1002ms));
  EXPECT_TRUE(to_text(report(), false).contains("of 10 lost"));

  // A reply that knew less: reported, and not judged where one region may acknowledge alone.
  seen.turns[5].is_stale = true;
  EXPECT_EQ(missed(), std::vector<std::string>{});
  EXPECT_EQ(report().turns[0].stale_count, 1u);

  const Observations good = seen;
  seen.conversations[1].missing_count = 1;
  EXPECT_EQ(missed(),
            (std::vector<std::string>{
                "turns: no acknowledged turn is lost, in any region: 1 of 10 lost",
                "turns: ten turns near us-east-1, five after the fault, are all there: 9"}));
  seen = good;
  seen.turns.pop_back();
  EXPECT_EQ(missed().size(), 1u) << "only nine were acknowledged";
  seen = good;
  seen.conversations[0].is_read = false;
  EXPECT_EQ(
      missed(),
      (std::vector<std::string>{
          "turns: no acknowledged turn is lost, in any region: could not be read in us-east-1"}));
}

TEST_F(Drilled, a_fault_too_short_to_be_judged_by_is_not_held_against_anybody) {
  seen.heal_at = at(2200ms);
  seen.health.resize(1);
  const DrillReport r = report();
  const auto v = std::ranges::find_if(
      r.verdicts, [](const Verdict& x) { return x.what.contains("sees us-east-1 down"); });
  ASSERT_NE(v, r.verdicts.end());
  EXPECT_EQ(v->met, Met::not_seen) << v->measured;
}

TEST_F(Drilled, nothing_seen_is_not_good) {
  seen = {};
  seen.stopped_by = "the world was not healthy to begin with";
  EXPECT_FALSE(report().is_good());
}

TEST_F(Drilled, the_text_says_what_counts) {
  const std::string text = to_text(report(), false);
  for (const char* line : {
           "Drill: kill us-east-1 of agent.example.test (two.yaml), policy latency",
           "Taken over by eu-west-1; healed after 8.00 s.",
           "  127.2.0.1         eu-west-1               300 ms        1.00 s",
           "  127.2.0.1         us-east-1           us-east-1         eu-west-1                 "
           "301 ms          1.00 s",
           "  ok    health  every surviving node sees us-east-1 down                       within "
           "550 ms    300 ms",
       }) {
    EXPECT_NE(text.find(line), text.npos) << line << "\nin\n" << text;
  }
  EXPECT_NE(text.find("\nGOOD: "), text.npos);
  EXPECT_EQ(text.find('\033'), text.npos) << "no colours when they are not asked for";
}

TEST_F(Drilled, the_json_has_the_figures_and_null_for_what_was_not_seen) {
  seen.health.resize(2);  // never seen up again
  const auto json = nlohmann::json::parse(to_json(report()));
  EXPECT_FALSE(json["good"]);
  EXPECT_EQ(json["health"][0]["down_after_ms"], 300.0);
  EXPECT_TRUE(json["health"][0]["up_after_heal_ms"].is_null());
  EXPECT_EQ(json["dns"][0]["changed_after_ms"], 301.0);
  EXPECT_EQ(json["bounds_ms"]["detect"], 550.0);
  EXPECT_EQ(json["users"].size(), 6u);
  EXPECT_EQ(json["timeline"].size(), report().moments.size());
}

// Enough of an XML reader to see that every tag is closed by its own name and nothing comes from
// outside.
void expect_well_formed(std::string_view page) {
  std::vector<std::string> open;
  for (size_t at = 0; (at = page.find('<', at)) != page.npos;) {
    const size_t end = page.find('>', at);
    ASSERT_NE(end, page.npos);
    const std::string_view tag = page.substr(at + 1, end - at - 1);
    at = end + 1;
    if (tag.starts_with('!')) continue;
    const std::string name(
        tag.substr(tag.starts_with('/'), tag.find_first_of(" /", 1) - tag.starts_with('/')));
    if (tag.starts_with('/')) {
      ASSERT_FALSE(open.empty()) << tag;
      ASSERT_EQ(open.back(), tag.substr(1));
      open.pop_back();
    } else if (!tag.ends_with('/')) {
      open.push_back(name);
      if (name == "style") at = page.find("</style", at);
    }
  }
  EXPECT_TRUE(open.empty()) << open.back();
  for (const char* outside : {"http://", "https://", "<script", "<link", "url(", "src="}) {
    EXPECT_EQ(page.find(outside), page.npos) << outside;
  }
}

TEST_F(Drilled, the_page_is_well_formed_and_needs_nothing_from_outside) {
  const std::string page = to_html(plan, scenario, seen, report());
  expect_well_formed(page);
  EXPECT_NE(page.find("As promised"), page.npos);
  EXPECT_NE(page.find("prefers-color-scheme: dark"), page.npos);
}

TEST_F(Drilled, the_page_escapes_what_operators_and_nodes_say) {
  seen.health[1].last = "<b onmouseover='x'>&";
  const std::string page = to_html(plan, scenario, seen, report());
  expect_well_formed(page);
  EXPECT_EQ(page.find("<b on"), page.npos);
  EXPECT_NE(page.find("&lt;b onmouseover=&#39;x&#39;&gt;&amp;"), page.npos);
}

TEST_F(Drilled, the_picture_draws_every_failure_and_only_so_many_dots) {
  const auto count = [&](std::string_view what) {
    const std::string svg = picture(plan, scenario, seen);
    size_t n = 0;
    for (size_t at = 0; (at = svg.find(what, at)) != svg.npos; ++at) ++n;
    return n;
  };
  const size_t failed =
      size_t(std::ranges::count_if(seen.requests, [](const RequestSeen& r) { return !r.ok(); }));
  EXPECT_EQ(count("<path class='failed"), failed + 1) << "and one torn stream";
  for (size_t i = 0; i < 3 * kDotsMax; ++i) request(Kind::retrying, 3s, kEu, kEu);
  EXPECT_LE(count("<circle"), 2 * kDotsMax + 16);
  EXPECT_EQ(count("<path class='failed"), failed + 1);
}

}  // namespace
}  // namespace sealane::play::drill
