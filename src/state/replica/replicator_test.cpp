// SPDX-License-Identifier: Apache-2.0
// Waiting for what others wrote. The other node is what the test says it is; whole worlds of nodes
// under faults are `play_explore --tables`.
#include "state/replica/replicator.h"
#include "state/session.h"

#include <gtest/gtest.h>

#include "sim/disk.h"
#include "sim/fabric.h"
#include "sim/world.h"

namespace sealane::state {
namespace {

constexpr table::Source kOther = 77;

struct ReplicatorTest : testing::Test {
  sim::World world{{}};
  const IpAddress broker_ip = IpAddress::v4(10, 0, 0, 9);
  sim::Node& broker = world.messaging().add_broker("broker", broker_ip);
  sim::Node& us = world.add_node({.name = "us", .addresses = {IpAddress::v4(10, 0, 0, 1)}});
  sim::Node& eu = world.add_node({.name = "eu", .addresses = {IpAddress::v4(10, 0, 0, 2)}});
  std::unique_ptr<port::Fabric> us_fabric = world.messaging().open(us, broker_ip);
  std::unique_ptr<port::Fabric> eu_fabric = world.messaging().open(eu, broker_ip);
  std::unique_ptr<port::Store> store = std::move(us.disk().open().value());
  std::unique_ptr<Engine> engine = std::move(
      Engine::open(*store, us.lane().clock, us.lane().dice, {.region = "us", .node = "us"})
          .value());
  std::unique_ptr<Replicator> replicator = std::make_unique<Replicator>(
      us.lane(), *store, *us_fabric, *engine,
      Replicator::Options{.node = "us", .region = "us", .nodes = {"us", "eu"}});

  void SetUp() override { world.run_for(1s); }

  static table::Vector at(table::Source source, uint64_t position) {
    table::Vector seen;
    seen.raise(table::Reach{source, position, 0});
    return seen;
  }
  // The other node tells how far it is.
  void say_hello(uint64_t position, table::Vector shown = {}, table::Vector broken_off = {}) {
    std::string hello;
    append_packed(hello, Hello{.node = "eu",
                               .region = "eu",
                               .source = kOther,
                               .now = 1,
                               .bytes_per_entry = 100,
                               .applied = at(kOther, position),
                               .complete = {},
                               .shown = std::move(shown),
                               .broken_off = std::move(broken_off)});
    ASSERT_TRUE(eu_fabric->publish(kHelloSubject, hello));
    world.run_for(50ms);
  }
  // The other node, which was given a part of a snapshot by one that is not there any more.
  void say_hello_with_orphans(uint64_t broken_off) {
    say_hello(0, at(kOther + 1, 5), at(kOther, broken_off));
  }
  void make_table(const std::string& name) {
    Table table{.name = name};
    table.key.hash = {"id", table::Type::S};
    table.attribute_definitions = {table.key.hash};
    table.replicas = {"eu", "us"};
    table.id = table::table_id(name, 0, table.key);
    ASSERT_TRUE(engine->write_table(table));
  }
  Result<table::Vector> known(const std::string& session) {
    std::optional<Result<table::Vector>> known;
    replicator->when_known(session, 300ms, [&](const Result<table::Vector>& k) { known = k; });
    if (!known) world.run_for(400ms);
    return known.value_or(fail(Code::timeout, "never called"));
  }
  // Milliseconds behind, when it was answered: at once, or after waiting.
  struct Answer {
    std::optional<uint64_t> stale_ms;
    bool at_once = false;
  };
  Answer ask(table::Vector wanted) {
    auto answer = std::make_shared<Answer>();
    replicator->when_reached(std::move(wanted), 300ms,
                             [answer](uint64_t stale_ms) { answer->stale_ms = stale_ms; });
    answer->at_once = answer->stale_ms.has_value();
    world.run_for(400ms);
    return *answer;
  }
};

TEST_F(ReplicatorTest, what_is_here_is_not_waited_for) {
  const Answer answer = ask({});
  EXPECT_TRUE(answer.at_once);
  EXPECT_EQ(answer.stale_ms, 0u);
}

TEST_F(ReplicatorTest, what_a_node_that_is_there_has_is_waited_for) {
  say_hello(10);
  const Answer answer = ask(at(kOther, 5));
  EXPECT_FALSE(answer.at_once);
  ASSERT_TRUE(answer.stale_ms.has_value());
  EXPECT_GE(*answer.stale_ms, 1u);
}

TEST_F(ReplicatorTest, a_source_that_is_there_may_have_more_than_it_has_said) {
  say_hello(10);
  EXPECT_FALSE(ask(at(kOther, 11)).at_once);
}

TEST_F(ReplicatorTest, what_nobody_has_is_not_waited_for) {
  say_hello(10);
  const Answer stranger = ask(at(kOther + 1, 1));
  EXPECT_TRUE(stranger.at_once);
  EXPECT_GE(stranger.stale_ms.value_or(0), 1u);
  world.run_for(Replicator::kHopeFor);
  const Answer silent = ask(at(kOther, 5));
  EXPECT_TRUE(silent.at_once) << "its node has died";
  EXPECT_GE(silent.stale_ms.value_or(0), 1u);
}

TEST_F(ReplicatorTest, a_region_that_has_what_is_missing_is_known_while_it_is_heard) {
  EXPECT_EQ(replicator->region_with(at(kOther, 5)), "");
  say_hello(10);
  EXPECT_EQ(replicator->region_with(at(kOther, 10)), "eu");
  EXPECT_EQ(replicator->region_with(at(kOther, 11)), "");
  world.run_for(Replicator::kHopeFor);
  EXPECT_EQ(replicator->region_with(at(kOther, 10)), "");
}

TEST_F(ReplicatorTest, what_a_dead_giver_left_with_another_node_is_fetched_there_once) {
  size_t asked_count = 0;
  const auto subscription =
      eu_fabric->subscribe(snapshot_subject("eu"), [&](const port::Fabric::Message& message) {
        ++asked_count;
        std::string page;
        append_packed(page, SnapshotPage{.shown = at(kOther + 1, 5),
                                         .broken_off = at(kOther, 1),
                                         .is_last = true});
        ASSERT_TRUE(eu_fabric->publish(message.reply_to, page));
      });
  world.run_for(1s);
  say_hello_with_orphans(0);
  EXPECT_EQ(asked_count, 0u) << "its snapshot goes on";
  say_hello_with_orphans(1);
  world.run_for(100ms);
  EXPECT_EQ(asked_count, 1u);
  EXPECT_EQ(engine->shown().position(kOther + 1), 5u);
  EXPECT_EQ(engine->applied().position(kOther + 1), 0u);
  say_hello_with_orphans(1);
  EXPECT_EQ(asked_count, 1u) << "it is here now";
}

TEST_F(ReplicatorTest, no_removal_is_forgotten_before_all_of_an_earlier_life_has_come) {
  make_table("notes");
  const Table& notes = *engine->find_table("notes");
  const std::string key = table::encode_key(table::Value(std::string("a")), nullptr);
  ItemWrite removal{
      .table = &notes, .key = key, .delta = table::delete_delta(engine->next_stamp())};
  ASSERT_TRUE(engine->commit(std::span(&removal, 1)));
  world.run_for(100ms);
  // The other node has read all, up to now, of every log: of an ended one too.
  const auto say_all_is_read = [&](table::Vector applied) {
    table::Vector complete;
    complete.set({engine->self(), 0, engine->hlc_now()});
    std::string hello;
    append_packed(hello, Hello{.node = "eu",
                               .region = "eu",
                               .source = kOther,
                               .now = engine->hlc_now(),
                               .bytes_per_entry = 100,
                               .applied = std::move(applied),
                               .complete = std::move(complete),
                               .shown = {},
                               .broken_off = {}});
    ASSERT_TRUE(eu_fabric->publish(kHelloSubject, hello));
    world.run_for(1s);
  };
  say_all_is_read(at(kOther + 1, 5));
  EXPECT_NE(*engine->load_raw(notes, key), "") << "one of those 5 may bring it back";
  say_all_is_read({});
  EXPECT_EQ(*engine->load_raw(notes, key), "");
}

TEST_F(ReplicatorTest, what_a_session_has_seen_is_told_to_the_others) {
  std::vector<std::string> heard;
  const auto subscription =
      eu_fabric->subscribe(kSessionSubject, [&](const port::Fabric::Message& message) {
        if (const auto note = parse_session_note(message.bytes)) heard.push_back(note->session);
      });
  world.run_for(1s);
  replicator->note_session("m1");
  replicator->note_session(std::string(Replicator::kSessionBytesMax + 1, 'x'));
  world.run_for(100ms);
  EXPECT_EQ(heard, std::vector<std::string>{"m1"});
  std::string note;
  append_packed(note, SessionNote{"m2", at(kOther, 3)});
  ASSERT_TRUE(eu_fabric->publish(kSessionSubject, note));
  world.run_for(100ms);
  EXPECT_EQ(known("m2")->position(kOther), 3u);
  EXPECT_TRUE(known("m3")->empty());
}

TEST_F(ReplicatorTest, of_a_stream_that_nothing_is_noted_of_its_node_is_asked) {
  const std::string theirs = stream_session(kOther, 7);
  EXPECT_TRUE(known(stream_session(engine->self(), 7))->empty()) << "it goes on here";
  EXPECT_TRUE(known(theirs)->empty()) << "nobody is known to be that node";
  say_hello(1);
  EXPECT_FALSE(known(theirs)) << "it does not answer";
  std::string asked;
  const auto subscription =
      eu_fabric->subscribe(asked_subject("eu"), [&](const port::Fabric::Message& message) {
        asked = parse_session_note(message.bytes)->session;
        std::string answer;
        append_packed(answer, SessionNote{asked, at(kOther, 9)});
        ASSERT_TRUE(eu_fabric->publish(message.reply_to, answer));
      });
  world.run_for(100ms);
  say_hello(1);
  const auto told = known(theirs);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->position(kOther), 9u);
  EXPECT_EQ(asked, theirs);
  asked.clear();
  (void)known(theirs);
  EXPECT_EQ(asked, theirs) << "the stream may have gone on";
  world.run_for(Replicator::kHopeFor + 1s);
  asked.clear();
  const Instant then = world.now();
  EXPECT_FALSE(known(theirs));
  EXPECT_EQ(asked, "");
  EXPECT_EQ(world.now(), then) << "who is silent is not waited for";
}

TEST_F(ReplicatorTest, who_is_asked_about_a_stream_tells_what_it_shows) {
  world.run_for(1s);
  const auto ask = [&](const std::string& session) {
    std::string question;
    append_packed(question, SessionNote{session, {}});
    std::optional<table::Vector> told;
    eu_fabric->request(asked_subject("us"), question, 1s, [&](const Result<std::string_view>& a) {
      if (a) told = parse_session_note(*a)->seen;
    });
    world.run_for(100ms);
    return told.value_or(table::Vector{});
  };
  const std::string ours = stream_session(engine->self(), 7);
  make_table("a");
  EXPECT_EQ(ask(ours).position(engine->self()), 1u) << "the stream may have written it";
  replicator->note_session(ours);
  make_table("b");
  EXPECT_EQ(ask(ours).position(engine->self()), 1u) << "it has ended before";
  EXPECT_EQ(ask(stream_session(engine->self(), 8)).position(engine->self()), 2u);
}

}  // namespace
}  // namespace sealane::state
