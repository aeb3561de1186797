// SPDX-License-Identifier: Apache-2.0
// What fabric.h promises, as tests that every implementation runs. Only for test programs.
//
//   struct Bench {                       // three members of one world, each with its own
//   connection
//     port::Fabric& a(); port::Fabric& b(); port::Fabric& c();
//     bool run(std::function<bool()> done, Duration max);  // turns the loops until done() or max
//     void close_a();                    // destroys the first
//     void lose_server();                // the messaging server of all three dies and stays away
//     void restore_server();
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Sim, FabricContract, Bench);
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "port/fabric.h"

namespace sealane::port::contract {

template <typename Bench>
class FabricContract : public testing::Test {
 protected:
  using Subscription = std::unique_ptr<Fabric::Subscription>;
  using Answer = std::optional<Result<std::string>>;
  Bench bench;

  Fabric& a() { return bench.a(); }
  Fabric& b() { return bench.b(); }
  Fabric& c() { return bench.c(); }
  bool run(std::function<bool()> done, Duration max = 10s) {
    return bench.run(std::move(done), max);
  }
  void settle(Duration time = 50ms) {
    bench.run([] { return false; }, time);
  }
  void SetUp() override {
    ASSERT_TRUE(
        run([&] { return a().is_connected() && b().is_connected() && c().is_connected(); }));
  }
  // Subscribes, and waits until messages from `from` arrive.
  Subscription listen(Fabric& at, Fabric& from, std::string_view pattern, Fabric::Handler handler,
                      std::string probe_subject) {
    auto heard = std::make_shared<bool>(false);
    auto subscription = at.subscribe(
        pattern, [heard, handler = std::move(handler)](const Fabric::Message& message) {
          if (message.bytes == "probe") {
            *heard = true;
          } else {
            handler(message);
          }
        });
    for (int i = 0; i < 200 && !*heard; ++i) {
      from.publish(probe_subject, "probe");
      run([&] { return *heard; }, 20ms);
    }
    EXPECT_TRUE(*heard) << "nothing arrives at " << pattern;
    settle();
    return subscription;
  }
  Answer ask(Fabric& from, std::string_view subject, std::string_view bytes, Duration timeout) {
    auto answer = std::make_shared<Answer>();
    from.request(subject, bytes, timeout, [answer](Result<std::string_view> with) {
      EXPECT_FALSE(*answer) << "answered twice";
      *answer = with ? Result<std::string>(std::string(*with)) : std::unexpected(with.error());
    });
    EXPECT_FALSE(*answer) << "never from inside";
    run([&] { return answer->has_value(); });
    return *answer;
  }
};

TYPED_TEST_SUITE_P(FabricContract);

TYPED_TEST_P(FabricContract, a_message_comes_to_all_who_subscribed_and_not_to_its_sender) {
  std::string at_a, at_b, at_c, other;
  auto into = [](std::string& text) {
    return [&text](const Fabric::Message& m) {
      EXPECT_EQ(m.subject, "news.eu");
      EXPECT_EQ(m.reply_to, "");
      text += m.bytes;
    };
  };
  const auto s1 = this->listen(this->a(), this->b(), "news.eu", into(at_a), "news.eu");
  const auto s2 = this->listen(this->b(), this->a(), "news.eu", into(at_b), "news.eu");
  const auto s3 = this->listen(this->c(), this->a(), "news.eu", into(at_c), "news.eu");
  const auto s4 = this->listen(
      this->c(), this->a(), "news.us", [&](const Fabric::Message& m) { other += m.bytes; },
      "news.us");
  const std::string zeros("\0\r\n\0", 4);
  const std::string_view parts[] = {"one ", "", "two ", zeros};
  ASSERT_TRUE(this->a().publish("news.eu", parts));
  EXPECT_EQ(at_b, "") << "never from inside";
  ASSERT_TRUE(this->run([&] { return !at_b.empty() && !at_c.empty(); }));
  this->settle();
  EXPECT_EQ(at_a, "");
  EXPECT_EQ(at_b, "one two " + zeros);
  EXPECT_EQ(at_c, "one two " + zeros);
  EXPECT_EQ(other, "");
}

TYPED_TEST_P(FabricContract, patterns_match_tokens) {
  struct Case {
    const char *pattern, *subject;
    bool matches;
  };
  const Case cases[] = {
      {"a.*", "a.b", true},      {"a.*", "a.b.c", false}, {"a.*", "a", false},
      {"*.b", "a.b", true},      {"a.>", "a.b", true},    {"a.>", "a.b.c", true},
      {"a.>", "a", false},       {">", "a", true},        {"a.*.c", "a.b.c", true},
      {"a.*.c", "a.b.d", false}, {"a.b", "a.bc", false},  {"A.b", "a.b", false}};
  // Behind it comes a message that is heard in any case: what has not come by then will not.
  int marked_count = 0;
  const auto mark = this->listen(
      this->a(), this->b(), "mark", [&](const Fabric::Message&) { ++marked_count; }, "mark");
  for (const Case& c : cases) {
    int count = 0;
    const auto subscription = this->a().subscribe(
        c.pattern, [&](const Fabric::Message& m) { count += m.subject == c.subject; });
    const int marked_before = marked_count;
    this->settle();
    ASSERT_TRUE(this->b().publish(c.subject, "x"));
    ASSERT_TRUE(this->b().publish("mark", "x"));
    ASSERT_TRUE(this->run([&] { return marked_count > marked_before; }));
    EXPECT_EQ(count, c.matches ? 1 : 0) << c.pattern << " " << c.subject;
  }
}

TYPED_TEST_P(FabricContract, messages_of_one_publisher_keep_their_order) {
  std::vector<int> got;
  const auto s = this->listen(
      this->b(), this->a(), "count.*",
      [&](const Fabric::Message& m) { got.push_back(std::stoi(std::string(m.bytes))); }, "count.x");
  constexpr int kCount = 5000;
  for (int i = 0; i < kCount; ++i) {
    ASSERT_TRUE(this->a().publish(i % 2 ? "count.odd" : "count.even", std::to_string(i)));
  }
  ASSERT_TRUE(this->run([&] { return got.size() == size_t(kCount); })) << got.size();
  for (int i = 0; i < kCount; ++i) ASSERT_EQ(got[size_t(i)], i);
}

TYPED_TEST_P(FabricContract, each_subscription_that_matches_hears_it_once) {
  int wide = 0, narrow = 0;
  const auto s1 =
      this->listen(this->b(), this->a(), "x.>", [&](const Fabric::Message&) { ++wide; }, "x.y");
  const auto s2 =
      this->listen(this->b(), this->a(), "x.y", [&](const Fabric::Message&) { ++narrow; }, "x.y");
  wide = narrow = 0;
  ASSERT_TRUE(this->a().publish("x.y", "1"));
  ASSERT_TRUE(this->run([&] { return wide > 0 && narrow > 0; }));
  this->settle();
  EXPECT_EQ(wide, 1);
  EXPECT_EQ(narrow, 1);
}

TYPED_TEST_P(FabricContract, the_largest_message_passes_and_a_larger_one_is_refused) {
  size_t got = 0;
  const auto s = this->listen(
      this->b(), this->a(), "big", [&](const Fabric::Message& m) { got = m.bytes.size(); }, "big");
  std::string bytes(Fabric::kMessageBytesMax, 'x');
  ASSERT_TRUE(this->a().publish("big", bytes));
  EXPECT_TRUE(this->run([&] { return got == Fabric::kMessageBytesMax; }));
  bytes += 'x';
  EXPECT_FALSE(this->a().publish("big", bytes));
  const auto answer = this->ask(this->a(), "big", bytes, 1s);
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().code, Code::invalid);
}

TYPED_TEST_P(FabricContract, a_subject_that_is_none_is_refused) {
  for (const char* subject :
       {"", ".", "a.", ".a", "a..b", "a.*", "a.>", "a b", "a\r\nPUB b", "\xc3\xa4"}) {
    EXPECT_FALSE(this->a().publish(subject, "x")) << subject;
    const auto answer = this->ask(this->a(), subject, "x", 1s);
    ASSERT_TRUE(answer && !*answer) << subject;
    EXPECT_EQ(answer->error().code, Code::invalid) << subject;
  }
  EXPECT_TRUE(this->a().is_connected());
}

TYPED_TEST_P(FabricContract, an_ended_subscription_is_silent_also_from_inside_its_handler) {
  int count = 0, other = 0;
  typename TestFixture::Subscription once;
  once = this->listen(
      this->b(), this->a(), "s",
      [&](const Fabric::Message&) {
        ++count;
        once.reset();
      },
      "s");
  const auto stays =
      this->listen(this->b(), this->a(), "t", [&](const Fabric::Message&) { ++other; }, "t");
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(this->a().publish("s", "x"));
  ASSERT_TRUE(this->a().publish("t", "x"));
  ASSERT_TRUE(this->run([&] { return other == 1; }));
  this->settle();
  EXPECT_EQ(count, 1);
}

TYPED_TEST_P(FabricContract, a_request_gets_its_own_answer) {
  const auto s = this->listen(
      this->b(), this->a(), "double",
      [&](const Fabric::Message& m) {
        EXPECT_NE(m.reply_to, "");
        EXPECT_TRUE(this->b().publish(m.reply_to, std::string(m.bytes) + std::string(m.bytes)));
      },
      "double");
  for (const char* text : {"x", "", "yy"}) {
    // At most once: a message may be lost while servers still learn of each other's subscriptions.
    auto answer = this->ask(this->a(), "double", text, 2s);
    for (int tries = 1; tries < 5 && !(answer && *answer); ++tries)
      answer = this->ask(this->a(), "double", text, 2s);
    ASSERT_TRUE(answer && *answer) << (answer ? answer->error().what : "none");
    EXPECT_EQ(**answer, std::string(text) + text);
  }
  // Many at once, from both sides.
  int good_count = 0;
  constexpr int kCount = 500;
  for (int i = 0; i < kCount; ++i) {
    auto& from = i % 2 ? this->a() : this->c();
    from.request("double", std::to_string(i), 5s,
                 [&good_count, i](Result<std::string_view> answer) {
                   if (answer && *answer == std::to_string(i) + std::to_string(i)) ++good_count;
                 });
  }
  EXPECT_TRUE(this->run([&] { return good_count == kCount; })) << good_count;
}

TYPED_TEST_P(FabricContract, only_the_first_answer_counts) {
  const auto s = this->listen(
      this->b(), this->a(), "q",
      [&](const Fabric::Message& m) {
        this->b().publish(m.reply_to, "1");
        this->b().publish(m.reply_to, "2");
      },
      "q");
  auto answer = this->ask(this->a(), "q", "", 2s);  // fails when it is answered twice
  // A request may be lost while servers learn of each other.
  for (int tries = 1; tries < 5 && !(answer && *answer); ++tries)
    answer = this->ask(this->a(), "q", "", 2s);
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ(**answer, "1");
  this->settle();
}

TYPED_TEST_P(FabricContract, a_request_that_nobody_hears_fails_and_not_after_its_time) {
  const auto unheard = this->ask(this->a(), "nobody.listens", "?", 300ms);
  ASSERT_TRUE(unheard && !*unheard);
  EXPECT_TRUE(unheard->error().code == Code::unavailable || unheard->error().code == Code::timeout);
  int heard = 0;
  const auto s = this->listen(
      this->b(), this->a(), "silent", [&](const Fabric::Message&) { ++heard; }, "silent");
  const auto late = this->ask(this->a(), "silent", "?", 100ms);
  ASSERT_TRUE(late && !*late);
  EXPECT_EQ(late->error().code, Code::timeout);
  EXPECT_EQ(heard, 1);
}

TYPED_TEST_P(FabricContract, more_requests_than_the_limit_are_told_so) {
  const auto s =
      this->listen(this->b(), this->a(), "silent", [](const Fabric::Message&) {}, "silent");
  size_t limit_count = 0, late_count = 0;
  for (size_t i = 0; i < Fabric::kRequestsMax + 2; ++i) {
    this->a().request("silent", "?", 3s, [&](Result<std::string_view> answer) {
      ASSERT_FALSE(answer);
      (answer.error().code == Code::limit ? limit_count : late_count)++;
    });
  }
  ASSERT_TRUE(this->run([&] { return limit_count + late_count == Fabric::kRequestsMax + 2; }));
  EXPECT_EQ(limit_count, 2u);
}

TYPED_TEST_P(FabricContract, a_closed_fabric_calls_nobody) {
  int count = 0;
  auto s = this->listen(this->a(), this->b(), "s", [&](const Fabric::Message&) { ++count; }, "s");
  this->a().request("nobody.listens", "?", 10ms, [&](Result<std::string_view>) { ++count; });
  this->a().request("a..b", "?", 10ms, [&](Result<std::string_view>) { ++count; });
  for (int i = 0; i < 100; ++i) this->b().publish("s", "x");
  s.reset();
  this->bench.close_a();
  this->settle();
  EXPECT_EQ(count, 0);
}

TYPED_TEST_P(FabricContract, without_a_server_nothing_is_sent_and_with_it_all_goes_on) {
  int count = 0;
  const auto s =
      this->listen(this->b(), this->a(), "s", [&](const Fabric::Message&) { ++count; }, "s");
  const auto silent =
      this->listen(this->b(), this->a(), "silent", [](const Fabric::Message&) {}, "silent");
  std::optional<Code> waiting;
  this->a().request("silent", "?", 30s, [&](Result<std::string_view> answer) {
    ASSERT_FALSE(answer);
    waiting = answer.error().code;
  });
  this->settle();
  this->bench.lose_server();
  ASSERT_TRUE(this->run([&] { return !this->a().is_connected() && !this->b().is_connected(); }));
  EXPECT_TRUE(this->run([&] { return waiting.has_value(); }))
      << "who waits is told that it is in vain";
  EXPECT_EQ(waiting.value_or(Code::corrupt), Code::unavailable);
  EXPECT_FALSE(this->a().publish("s", "lost"));
  const auto answer = this->ask(this->a(), "silent", "?", 5s);
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().code, Code::unavailable);
  int added = 0;
  const auto fresh = this->b().subscribe("fresh", [&](const Fabric::Message&) { ++added; });
  EXPECT_EQ(count, 0);

  this->bench.restore_server();
  ASSERT_TRUE(this->run([&] { return this->a().is_connected() && this->b().is_connected(); }));
  for (int i = 0; i < 200 && (count == 0 || added == 0); ++i) {
    this->a().publish("s", "again");
    this->a().publish("fresh", "again");
    this->run([&] { return count > 0 && added > 0; }, 20ms);
  }
  EXPECT_GT(count, 0);
  EXPECT_GT(added, 0) << "what was subscribed meanwhile holds too";
}

REGISTER_TYPED_TEST_SUITE_P(FabricContract,
                            a_message_comes_to_all_who_subscribed_and_not_to_its_sender,
                            patterns_match_tokens, messages_of_one_publisher_keep_their_order,
                            each_subscription_that_matches_hears_it_once,
                            the_largest_message_passes_and_a_larger_one_is_refused,
                            a_subject_that_is_none_is_refused,
                            an_ended_subscription_is_silent_also_from_inside_its_handler,
                            a_request_gets_its_own_answer, only_the_first_answer_counts,
                            a_request_that_nobody_hears_fails_and_not_after_its_time,
                            more_requests_than_the_limit_are_told_so, a_closed_fabric_calls_nobody,
                            without_a_server_nothing_is_sent_and_with_it_all_goes_on);

}  // namespace sealane::port::contract
