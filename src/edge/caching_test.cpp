// SPDX-License-Identifier: Apache-2.0
// The cache as clients and origins see it: hits, coalescing, revalidation, stale answers, what is
// never kept; and that a hit allocates nothing.
#include <atomic>
#include <cstdlib>
#include <new>

#include "edge/bench.h"
#include "edge/fetch.h"

// Counts, for the test of the hit path. Sanitizers bring their own.
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

namespace sealane::edge {
namespace {

void one_agent(plan::Plan& plan) { plan.regions[0].agents.resize(1); }

struct Caching : Bench {
  Caching() : Bench(one_agent) {}
  // The answer to a GET by a new client, from whoever gives it; empty: it waits.
  std::string get(const std::string& target, const std::string& lines = "") {
    auto user = client();
    user->send(request("GET " + target, lines));
    last = user;
    return user->read();
  }
  // The origin that was asked last, whatever connection carried the question.
  std::shared_ptr<fake::Peer> asked() {
    if (auto fresh = origin()) agent = fresh;
    return agent;
  }
  std::shared_ptr<fake::Peer> last, agent;
};

TEST(Caching, the_second_request_is_a_hit) {
  Caching c;
  EXPECT_EQ(c.get("/docs/a"), "");
  c.asked()->send(answer("text", "ETag: \"1\"\r\nCache-Control: max-age=100\r\n"));
  std::string got = c.last->read();
  EXPECT_TRUE(has(got, "X-Cache: Miss from sealane\r\n")) << got;
  EXPECT_EQ(body(got), "text");
  c.agent->read();
  c.lane.advance(7s);
  got = c.get("/docs/a");
  EXPECT_TRUE(has(got, "X-Cache: Hit from sealane\r\n")) << got;
  EXPECT_TRUE(has(got, "Age: 7\r\n"));
  EXPECT_TRUE(has(got, "Content-Length: 4\r\n"));
  EXPECT_TRUE(has(got, "ETag: \"1\"\r\n"));
  EXPECT_TRUE(has(got, "Via: 1.1 sealane\r\n"));
  EXPECT_TRUE(has(got, "Server-Timing: cache;desc=Hit\r\n"));
  EXPECT_EQ(body(got), "text");
  EXPECT_EQ(c.last->write_count, 1u) << "one write for the whole answer";
  got = c.get("/docs/a", "If-None-Match: \"1\"\r\n");
  EXPECT_EQ(status(got), 304);
  EXPECT_EQ(body(got), "");
  EXPECT_EQ(c.agent->read(), "");
  EXPECT_EQ(c.lane.counter_value("sealane_edge_cache_total", R"(result="hit")"), 2u);
}

TEST(Caching, a_hit_allocates_nothing) {
#ifdef SL_COUNTS_ALLOCATIONS
  Caching c;
  c.get("/docs/a");
  c.asked()->send(answer(std::string(1024, 'x')));
  const std::string bytes =
      request("GET /docs/a", "User-Agent: curl\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n");
  auto user = c.client();
  user->got.reserve(1 << 20);
  const auto send = [&] { user->handler->on_data({bytes.data(), bytes.size()}); };
  send();
  const uint64_t before = allocation_count.load();
  for (int i = 0; i < 100; ++i) send();
  EXPECT_EQ(allocation_count.load() - before, 0u);
  EXPECT_EQ(c.lane.counter_value("sealane_edge_cache_total", R"(result="hit")"), 101u);
  EXPECT_EQ(user->write_count, 101u);
#else
  GTEST_SKIP() << "the sanitizer owns the allocator";
#endif
}

TEST(Caching, who_asks_meanwhile_waits_for_the_same_answer_and_streams_it) {
  Caching c;
  std::vector<std::shared_ptr<fake::Peer>> users;
  for (int i = 0; i < 5; ++i) {
    users.push_back(c.client());
    users.back()->send(request("GET /docs/a"));
  }
  auto agent = c.asked();
  EXPECT_FALSE(c.lane.next_connect()) << "one question for all";
  agent->send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  for (auto& user : users) EXPECT_EQ(body(user->read()), "abc") << "streamed, not held";
  users.push_back(c.client());
  users.back()->send(request("GET /docs/a"));
  EXPECT_EQ(body(users.back()->read()), "abc") << "who comes late gets what is there";
  agent->send("def");
  for (auto& user : users) EXPECT_EQ(user->read(), "def");
  EXPECT_TRUE(has(c.get("/docs/a"), "Hit from sealane"));
}

TEST(Caching, an_answer_that_may_not_be_kept_ends_the_waiting_at_once) {
  Caching c;
  auto one = c.client(), two = c.client(), three = c.client();
  one->send(request("GET /docs/a"));
  two->send(request("GET /docs/a"));
  auto first = c.asked();
  first->send(answer("mine", "Cache-Control: private\r\n"));
  EXPECT_EQ(body(one->read()), "mine");
  auto second = c.asked();
  EXPECT_TRUE(has(second->read(), "GET /docs/a "));
  // From now on nobody waits for anybody: this one goes out at once, on the connection that is
  // free.
  first->read();
  three->send(request("GET /docs/a"));
  EXPECT_TRUE(has(first->read(), "GET /docs/a "));
  first->send(answer("three", "Cache-Control: private\r\n"));
  second->send(answer("two", "Cache-Control: private\r\n"));
  EXPECT_EQ(body(two->read()), "two");
  EXPECT_EQ(body(three->read()), "three");
}

TEST(Caching, the_client_who_caused_a_fill_may_leave) {
  Caching c;
  auto one = c.client(), two = c.client();
  one->send(request("GET /docs/a"));
  two->send(request("GET /docs/a"));
  auto agent = c.asked();
  one->end();
  c.lane.turn();
  EXPECT_FALSE(agent->closed);
  agent->send(answer("text"));
  EXPECT_EQ(body(two->read()), "text");
  EXPECT_TRUE(has(c.get("/docs/a"), "Hit from sealane"));
}

// RFC 9111 5.1: what the answer has behind it does not begin anew here.
TEST(Caching, a_miss_is_as_old_as_it_came_and_a_follower_is_told_in_any_case) {
  for (const bool old : {true, false}) {
    Caching c;
    auto one = c.client(), two = c.client(), three = c.client();
    one->send(request("GET /api/a"));
    two->send(request("GET /api/a"));
    c.asked()->send(
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: \"1\"\r\n"
        "Cache-Control: max-age=600\r\n" +
        std::string(old ? "Age: 100\r\n" : "") + "\r\nte");
    c.lane.advance(3s);
    three->send(request("GET /api/a", "If-None-Match: \"1\"\r\n"));
    c.agent->send("xt");
    const std::string miss = one->read(), followed = two->read(), late = three->read();
    EXPECT_TRUE(has(miss, "X-Cache: Miss")) << miss;
    EXPECT_EQ(has(miss, "\r\nAge: 100\r\n"), old) << miss;
    EXPECT_EQ(has(miss, "\r\nAge: "), old) << miss;
    EXPECT_TRUE(has(followed, old ? "\r\nAge: 100\r\n" : "\r\nAge: 0\r\n")) << followed;
    EXPECT_EQ(status(late), 304);
    EXPECT_TRUE(has(late, old ? "\r\nAge: 103\r\n" : "\r\nAge: 3\r\n")) << late;
    EXPECT_TRUE(has(c.get("/api/a"), old ? "\r\nAge: 103\r\n" : "\r\nAge: 3\r\n"));
  }
}

TEST(Caching, who_wants_only_what_is_stored_is_told_when_that_will_not_do) {
  Caching c;
  c.get("/api/a");
  c.asked()->send(answer("text", "Cache-Control: max-age=10, stale-if-error=600\r\n"));
  const char* only = "Cache-Control: only-if-cached\r\n";
  EXPECT_EQ(body(c.get("/api/a", only)), "text");
  c.agent->read();
  c.lane.advance(11s);
  const std::string got = c.get("/api/a", only);
  EXPECT_EQ(status(got), 504);
  EXPECT_TRUE(has(got, "Content-Type: application/problem+json\r\n")) << got;
  EXPECT_TRUE(has(got, R"("reason":"only-if-cached")")) << got;
  EXPECT_EQ(c.agent->read(), "");
  EXPECT_EQ(status(c.get("/api/never-asked", only)), 504);
  EXPECT_FALSE(c.lane.next_connect());
  EXPECT_EQ(c.get("/docs/never-asked", only), "") << "a clamped path does not heed clients";
  c.get("/api/a", only);
  c.last->send(request("GET /.sealane/ping"));
  EXPECT_TRUE(has(c.last->read(), "204 No Content")) << "the connection goes on";
}

TEST(Caching, a_stale_answer_is_asked_about_and_comes_back_with_304) {
  Caching c;
  c.get("/api/a");
  c.asked()->send(answer("text", "ETag: \"1\"\r\nCache-Control: max-age=10\r\n"));
  c.agent->read();
  c.lane.advance(11s);
  EXPECT_EQ(c.get("/api/a"), "");
  EXPECT_TRUE(has(c.asked()->read(), "If-None-Match: \"1\"\r\n"));
  c.agent->send("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nCache-Control: max-age=10\r\n\r\n");
  std::string got = c.last->read();
  EXPECT_TRUE(has(got, "X-Cache: RefreshHit from sealane\r\n")) << got;
  EXPECT_EQ(body(got), "text");
  EXPECT_TRUE(has(c.get("/api/a"), "X-Cache: Hit from sealane\r\n"));
}

TEST(Caching, a_fill_asks_for_the_whole_whatever_its_client_has) {
  Caching c;
  EXPECT_EQ(c.get("/docs/a",
                  "If-None-Match: \"1\"\r\nIf-Modified-Since: Tue, 01 Jan 2030 00:00:00 GMT\r\n"),
            "");
  EXPECT_FALSE(has(c.asked()->read(), "If-"));
  c.agent->send(answer("text", "ETag: \"1\"\r\n"));
  EXPECT_EQ(status(c.last->read()), 304);
  EXPECT_EQ(body(c.get("/docs/a")), "text");
}

TEST(Caching, a_fill_asks_in_the_services_own_name_whatever_its_client_wrote) {
  Caching c;
  auto user = c.client();
  user->send("GET /docs/a HTTP/1.1\r\nHost: AGENT.example.test.:6666\r\n\r\n");
  const std::string asked = c.asked()->read();
  EXPECT_TRUE(has(asked, "X-Forwarded-Host: agent.example.test\r\n")) << asked;
  EXPECT_TRUE(has(asked, "host=\"agent.example.test\"\r\n")) << asked;
}

TEST(Caching, stale_while_revalidate_answers_now_and_asks_once_in_the_background) {
  Caching c;
  c.get("/api/a");
  c.asked()->send(answer("old", "Cache-Control: max-age=10, stale-while-revalidate=60\r\n"));
  c.agent->read();
  c.lane.advance(12s);
  EXPECT_EQ(body(c.get("/api/a")), "old");
  EXPECT_EQ(body(c.get("/api/a")), "old");
  auto agent = c.asked();
  EXPECT_FALSE(c.lane.next_connect());
  agent->send(answer("new", "Cache-Control: max-age=10\r\n"));
  EXPECT_EQ(body(c.get("/api/a")), "new");
}

TEST(Caching, a_failing_origin_leaves_the_stale_answer_in_place) {
  for (const bool breaks : {false, true}) {
    Caching c;
    c.get("/api/a");
    c.asked()->send(answer("old", "Cache-Control: max-age=10, stale-if-error=600\r\n"));
    c.agent->read();
    c.lane.advance(12s);
    EXPECT_EQ(c.get("/api/a"), "");
    auto agent = c.asked();
    if (breaks) {
      agent->break_off();
      for (auto next = c.lane.next_connect(); next; next = c.lane.next_connect()) next->refuse();
    } else {
      agent->send(answer("sorry", "", "503 Service Unavailable"));
    }
    EXPECT_EQ(body(c.last->read()), "old");
    // And the origin is left alone for a moment.
    EXPECT_EQ(body(c.get("/api/a")), "old");
    EXPECT_FALSE(c.lane.next_connect());
  }
}

TEST(Caching, when_the_origin_is_gone_all_who_wait_hear_of_it_together) {
  Caching c;
  auto one = c.client(), two = c.client();
  one->send(request("GET /docs/a"));
  two->send(request("GET /docs/a"));
  for (auto next = c.lane.next_connect(); next; next = c.lane.next_connect()) next->refuse();
  EXPECT_EQ(status(one->read()), 502);
  EXPECT_EQ(status(two->read()), 502);
}

TEST(Caching, an_answer_that_breaks_off_is_cut_and_not_kept) {
  Caching c;
  auto one = c.client(), two = c.client();
  one->send(request("GET /docs/a"));
  two->send(request("GET /docs/a"));
  c.asked()->send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  c.agent->break_off();
  EXPECT_TRUE(one->reset);
  EXPECT_TRUE(two->reset);
  c.agent.reset();
  EXPECT_EQ(c.get("/docs/a"), "");
  EXPECT_TRUE(c.asked());
}

TEST(Caching, what_is_never_kept) {
  struct Case {
    const char* name;
    const char* asked;
    const char* answered;
  };
  const Case cases[] = {
      {"private", "", "Cache-Control: private\r\n"},
      {"no-store", "", "Cache-Control: no-store\r\n"},
      {"cookies", "", "Set-Cookie: a=b\r\n"},
      {"authorized", "Authorization: Bearer x\r\n", ""},
  };
  for (const Case& k : cases) {
    Caching c;
    c.get("/docs/a", k.asked);
    c.asked()->send(answer("text", k.answered));
    EXPECT_EQ(body(c.last->read()), "text") << k.name;
    EXPECT_EQ(c.get("/docs/a", k.asked), "") << k.name;
  }
}

TEST(Caching, vary_and_service_keep_answers_apart) {
  Caching c;
  c.get("/docs/a", "Accept-Language: en\r\n");
  c.asked()->send(answer("hello", "Vary: Accept-Language\r\n"));
  EXPECT_EQ(c.get("/docs/a", "Accept-Language: de\r\n"), "");
  c.asked()->send(answer("hallo", "Vary: Accept-Language\r\n"));
  EXPECT_EQ(body(c.get("/docs/a", "Accept-Language: en\r\n")), "hello");
  EXPECT_EQ(body(c.get("/docs/a", "Accept-Language: de\r\n")), "hallo");
  auto other = c.client();
  other->send(request("GET /docs/a", "Accept-Language: en\r\n", "", "agent-us.example.test"));
  EXPECT_EQ(other->read(), "");
}

TEST(Caching, an_unsafe_request_that_succeeds_makes_the_stored_answer_invalid) {
  Caching c;
  c.get("/api/a");
  c.asked()->send(answer("old", "Cache-Control: max-age=100\r\n"));
  EXPECT_EQ(body(c.get("/api/a")), "old");
  auto writer = c.client();
  writer->send(request("PUT /api/a", "Content-Length: 1\r\n", "x"));
  c.asked()->send(answer("done"));
  EXPECT_EQ(status(writer->read()), 200);
  EXPECT_EQ(c.get("/api/a"), "");
}

TEST(Caching, probes_are_never_answered_from_the_cache) {
  Caching c;
  c.get("/docs/health");
  c.asked()->send(answer("ok"));
  EXPECT_TRUE(has(c.get("/docs/health"), "Hit"));
  EXPECT_TRUE(has(c.get("/docs/health", "Sealane-Probe: 1\r\n"), "Hit")) << "from anybody";
  auto node = c.client("127.2.0.1");
  node->send(request("GET /docs/health", "Sealane-Probe: 1\r\n"));
  EXPECT_EQ(node->read(), "");
}

TEST(Caching, a_large_hit_goes_out_as_fast_as_the_client_takes_it) {
  Caching c;
  const std::string large(1'000'000, 'x');
  c.get("/docs/a");
  c.asked()->send(answer(large));
  EXPECT_EQ(body(c.last->read()).size(), large.size());
  auto user = c.client();
  user->window = 0;
  user->send(request("GET /docs/a"));
  EXPECT_LE(user->waiting.size(), 2 * ClientConnection::kBacklogMax + 1024);
  for (int i = 0; i < 10; ++i) user->drain(i < 9 ? 0 : SIZE_MAX);
  EXPECT_EQ(body(user->read()).size(), large.size());
  user->send(request("GET /.sealane/ping"));
  EXPECT_EQ(status(user->read()), 204);
}

TEST(Caching, an_answer_too_large_to_keep_follows_its_slowest_needed_reader) {
  Bench b([](plan::Plan& plan) {
    one_agent(plan);
    plan.edge.object_bytes_max = 1000;
  });
  auto user = b.client();
  user->send(request("GET /docs/a"));
  auto agent = b.origin();
  agent->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  user->window = 0;
  size_t sent = 0;
  const std::string block(50'000, 'x');
  while (!agent->paused && sent < 10'000'000) {
    agent->send("c350\r\n" + block + "\r\n");
    sent += block.size();
  }
  EXPECT_LT(sent, 1'000'000u) << "back-pressure reaches the origin";
  user->drain();
  b.lane.turn();
  EXPECT_FALSE(agent->paused);
  agent->send("0\r\n\r\n");
  EXPECT_TRUE(user->read().ends_with("0\r\n\r\n"));
}

TEST(Caching, lanes_share_what_they_store) {
  Caching c;
  fake::Lane second_lane;
  Edge second(second_lane.lane, *c.plans, *c.views,
              {.region = plan::RegionId{0},
               .address = Bench::ip("127.1.0.1"),
               .shared = c.shared,
               .suspect = {}});
  ASSERT_TRUE(second.start(false));
  c.get("/docs/a");
  c.asked()->send(answer("text"));
  second_lane.turn();
  auto user = second_lane.call({Bench::ip("192.0.2.1"), 1});
  user->send(request("GET /docs/a"));
  EXPECT_TRUE(has(user->read(), "Hit from sealane"));
}

}  // namespace
}  // namespace sealane::edge
