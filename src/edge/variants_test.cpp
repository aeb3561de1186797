// SPDX-License-Identifier: Apache-2.0
// Several answers under one target (Vary, RFC 9111 4.1), asked for at the same time: everybody gets
// the one that their own request selects, and each is fetched once.
#include "edge/bench.h"

namespace sealane::edge {
namespace {

struct Variants : Bench {
  Variants() : Bench([](plan::Plan& plan) { plan.regions[0].agents.resize(1); }) {}
  using Peer = std::shared_ptr<fake::Peer>;

  Peer ask(const std::string& lines, const std::string& target = "/docs/a") {
    auto user = client();
    user->send(request("GET " + target, lines));
    return user;
  }
  // The questions that have reached the agent since the last call, by the connection that they came
  // on. Each is answered before the next may use its connection.
  std::vector<std::pair<Peer, std::string>> questions() {
    for (auto peer = origin(); peer; peer = origin()) agents_.push_back(peer);
    std::vector<std::pair<Peer, std::string>> out;
    for (const Peer& agent : agents_) {
      if (std::string asked = agent->read(); !asked.empty()) out.emplace_back(agent, asked);
    }
    return out;
  }

 private:
  std::vector<Peer> agents_;
};

std::string language(const std::string& tag) { return "Accept-Language: " + tag + "\r\n"; }
constexpr const char* kByLanguage = "Cache-Control: max-age=60\r\nVary: Accept-Language\r\n";

TEST(Variants, a_follower_of_another_variant_gets_its_own) {
  struct Case {
    const char* name;
    const char* leader;
    const char* follower;
  };
  const Case cases[] = {{"Accept-Language", "en", "fr"},
                        {"Accept-Encoding", "gzip", "br"},
                        {"Cookie", "user=1", "user=2"},
                        {"Authorization", "", "Bearer 2"}};
  for (const Case& c : cases) {
    for (const char* target : {"/docs/a", "/api/a"}) {
      const std::string name = c.name;
      const auto field = [&](std::string value) {
        return value.empty() ? std::string() : name + ": " + value + "\r\n";
      };
      const std::string lines = "Cache-Control: public, max-age=60\r\nVary: " + name + "\r\n";
      Variants v;
      auto one = v.ask(field(c.leader), target);
      auto same = v.ask(field(c.leader), target);
      auto other = v.ask(field(c.follower), target);
      auto first = v.questions();
      ASSERT_EQ(first.size(), 1u);
      first[0].first->send(answer("of the first", lines));
      EXPECT_EQ(body(one->read()), "of the first") << name;
      EXPECT_EQ(body(same->read()), "of the first") << name;
      EXPECT_EQ(other->read(), "") << name;
      auto second = v.questions();
      ASSERT_EQ(second.size(), 1u) << name;
      EXPECT_TRUE(has(second[0].second, field(c.follower)));
      second[0].first->send(answer("of the second", lines));
      const std::string got = other->read();
      EXPECT_EQ(body(got), "of the second") << name;
      EXPECT_TRUE(has(got, "X-Cache: Miss from sealane\r\n")) << got;
    }
  }
}

TEST(Variants, a_herd_asks_once_for_each) {
  Variants v;
  std::vector<std::pair<std::string, Variants::Peer>> users;
  for (int i = 0; i < 5; ++i) {
    for (const char* tag : {"en", "fr", "de"}) users.emplace_back(tag, v.ask(language(tag)));
  }
  auto asked = v.questions();
  ASSERT_EQ(asked.size(), 1u);
  const auto reply = [&](const auto& question) {
    for (const char* tag : {"en", "fr", "de"}) {
      if (has(question.second, language(tag))) question.first->send(answer(tag, kByLanguage));
    }
  };
  reply(asked[0]);
  asked = v.questions();
  EXPECT_EQ(asked.size(), 2u);
  for (const auto& question : asked) reply(question);
  EXPECT_TRUE(v.questions().empty());
  for (const auto& [tag, user] : users) EXPECT_EQ(body(user->read()), tag);
  for (const char* tag : {"en", "fr", "de"}) {
    const std::string got = v.ask(language(tag))->read();
    EXPECT_TRUE(has(got, "X-Cache: Hit")) << got;
    EXPECT_EQ(body(got), tag);
  }
}

TEST(Variants, who_comes_while_another_is_under_way_shares_too) {
  Variants v;
  auto one = v.ask(language("en"));
  auto agent = v.questions().at(0).first;
  agent->send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n" + std::string(kByLanguage) + "\r\nen");
  auto two = v.ask(language("fr")), three = v.ask(language("fr")), four = v.ask(language("en"));
  auto asked = v.questions();
  ASSERT_EQ(asked.size(), 1u);
  asked[0].first->send(answer("fr", kByLanguage));
  agent->send("en");
  EXPECT_EQ(body(one->read()) + body(four->read()), "enenenen");
  EXPECT_EQ(body(two->read()) + body(three->read()), "frfr");
  EXPECT_TRUE(has(v.ask(language("fr"))->read(), "X-Cache: Hit"));
}

struct Stale : Variants {
  // Both are stored, and have expired.
  explicit Stale(const std::string& more = "") {
    for (const char* tag : {"en", "fr"}) {
      ask(language(tag), "/api/a");
      questions().at(0).first->send(answer(tag, lines(tag) + more));
    }
    lane.advance(61s);
  }
  static std::string lines(const std::string& tag) {
    return kByLanguage + ("ETag: \"" + tag + "\"\r\n");
  }
};

TEST(Variants, each_is_asked_about_by_its_own_validator) {
  Stale v;
  auto one = v.ask(language("en"), "/api/a"), two = v.ask(language("fr"), "/api/a");
  auto three = v.ask(language("fr"), "/api/a"), four = v.ask(language("de"), "/api/a");
  auto asked = v.questions();
  ASSERT_EQ(asked.size(), 3u) << "nobody waits for the answer to another question";
  EXPECT_TRUE(has(asked[0].second, "If-None-Match: \"en\"\r\n"));
  EXPECT_TRUE(has(asked[1].second, "If-None-Match: \"fr\"\r\n"));
  EXPECT_FALSE(has(asked[2].second, "If-None-Match"));
  asked[0].first->send("HTTP/1.1 304 Not Modified\r\n" + Stale::lines("en") + "\r\n");
  asked[1].first->send("HTTP/1.1 304 Not Modified\r\n" + Stale::lines("fr") + "\r\n");
  asked[2].first->send(answer("de", Stale::lines("de")));
  EXPECT_EQ(body(one->read()) + body(two->read()) + body(three->read()), "enfrfr");
  EXPECT_EQ(body(four->read()), "de");
}

TEST(Variants, a_304_that_says_vary_is_not_for_others) {
  Variants v;
  v.ask("", "/api/a");
  v.questions().at(0).first->send(answer("any", "Cache-Control: max-age=60\r\nETag: \"1\"\r\n"));
  v.lane.advance(61s);
  auto one = v.ask(language("en"), "/api/a"), two = v.ask(language("fr"), "/api/a");
  auto asked = v.questions();
  ASSERT_EQ(asked.size(), 1u);
  asked[0].first->send("HTTP/1.1 304 Not Modified\r\n" + std::string(kByLanguage) + "\r\n");
  EXPECT_EQ(body(one->read()), "any");
  EXPECT_EQ(two->read(), "");
  asked = v.questions();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_TRUE(has(asked[0].second, language("fr")));
  asked[0].first->send(answer("fr", kByLanguage));
  EXPECT_EQ(body(two->read()), "fr");
}

TEST(Variants, a_stale_answer_stands_in_for_its_own_variant) {
  Stale v("Cache-Control: stale-if-error=600\r\n");
  auto one = v.ask(language("de"), "/api/a"), two = v.ask(language("fr"), "/api/a");
  const auto asked = v.questions();
  ASSERT_EQ(asked.size(), 2u);
  for (const auto& question : asked) {
    question.first->send(answer("sorry", "", "503 Service Unavailable"));
  }
  EXPECT_EQ(status(one->read()), 503);
  EXPECT_EQ(body(two->read()), "fr");
}

TEST(Variants, who_is_not_meant_twice_asks_alone) {
  Variants v;
  const std::string more = "Cache-Control: max-age=60\r\nVary: Accept-Language, Cookie\r\n";
  auto one = v.ask(language("en"));
  auto two = v.ask(language("fr") + "Cookie: a=1\r\n");
  auto three = v.ask(language("fr") + "Cookie: a=2\r\n");
  v.questions().at(0).first->send(answer("en", kByLanguage));
  auto asked = v.questions();
  ASSERT_EQ(asked.size(), 1u);
  asked[0].first->send(answer("fr 1", more));
  asked = v.questions();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_TRUE(has(asked[0].second, "Cookie: a=2\r\n"));
  asked[0].first->send(answer("fr 2", more));
  EXPECT_EQ(body(one->read()), "en");
  EXPECT_EQ(body(two->read()), "fr 1");
  EXPECT_EQ(body(three->read()), "fr 2");
}

TEST(Variants, an_answer_that_varies_on_too_much_is_for_the_one_who_asked) {
  std::string names = "X-0";
  for (size_t i = 1; i <= cache::kVaryNamesMax; ++i) names += ", X-" + std::to_string(i);
  const std::string lines = "Cache-Control: max-age=60\r\nVary: " + names + "\r\n";
  Variants v;
  auto one = v.ask(""), two = v.ask("");
  v.questions().at(0).first->send(answer("1", lines));
  EXPECT_EQ(body(one->read()), "1");
  EXPECT_EQ(two->read(), "");
  v.questions().at(0).first->send(answer("2", lines));
  EXPECT_EQ(body(two->read()), "2");
}

}  // namespace
}  // namespace sealane::edge
