// SPDX-License-Identifier: Apache-2.0
// What a hit costs besides the system calls: key, lookup, judgement, head and tail. Keys follow
// Zipf's law, as requests do.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>

#include "base/dice.h"
#include "cache/answer.h"
#include "cache/index.h"

namespace sealane::cache {
namespace {

using wire::http::Field;

constexpr SipKey kSecret = {1, 2};
constexpr Instant kNow = Instant(1s);
const Rule kRule = {.mode = Rule::Mode::clamp, .ttl_default = 300s, .ttl_max = 1h};

std::shared_ptr<const Stored> object(const std::shared_ptr<Budget>& budget, size_t bytes) {
  const std::vector<Field> fields = {{"Content-Type", "text/plain"},
                                     {"ETag", "\"0123456789abcdef\""},
                                     {"Cache-Control", "max-age=300"},
                                     {"Server", "origin"}};
  const Got got = {.status = 200, .fields = fields, .asked_at = kNow, .got_at = kNow, .wall = {}};
  auto body = std::make_shared<Body>();
  body->bytes.assign(bytes, 'x');
  return make_stored(budget, Head::make(got, "1.1 edge"), body, {},
                     may_store(kRule, {.method = "GET", .fields = {}}, got).freshness, kNow);
}

std::vector<std::string> zipf_targets(size_t key_count, size_t request_count) {
  std::vector<double> sum(key_count);
  double total = 0;
  for (size_t i = 0; i < key_count; ++i) sum[i] = total += 1.0 / double(i + 1);
  Dice dice(1);
  std::vector<std::string> out;
  for (size_t i = 0; i < request_count; ++i) {
    const auto at = std::lower_bound(sum.begin(), sum.end(), dice.unit() * total);
    out.push_back("/docs/page-" + std::to_string(at - sum.begin()) + ".html?v=1");
  }
  return out;
}

// Argument: number of keys, all of which fit.
void hit(benchmark::State& state) {
  const size_t key_count = size_t(state.range(0));
  const auto budget = std::make_shared<Budget>(1ull << 40);
  Index index({.bytes_max = 1ull << 40, .entries_max = 1u << 20}, budget);
  std::string buffer;
  for (size_t i = 0; i < key_count; ++i) {
    const std::string target = "/docs/page-" + std::to_string(i) + ".html?v=1";
    index.put(make_key(buffer, kSecret, "edge", target), object(budget, 1024));
  }
  const auto targets = zipf_targets(key_count, 1 << 16);
  const std::vector<Field> request = {{"Host", "agent.example.test"},
                                      {"User-Agent", "bench"},
                                      {"Accept", "*/*"},
                                      {"Accept-Encoding", "gzip, br"}};
  const Asked asked = {.method = "GET", .fields = request};
  size_t i = 0;
  for (auto _ : state) {
    const Key key = make_key(buffer, kSecret, "edge", targets[i++ & 0xffff]);
    const auto found = index.find(key, request, kNow);
    if (!found.stored) state.SkipWithError("not found");
    const Stored& stored = **found.stored;
    if (use(kRule, stored.freshness, stored.got_at, asked, kNow) != Use::fresh)
      state.SkipWithError("stale");
    Tail tail;
    const Answer out = answer(stored, asked, {}, tail);
    tail.add("Age", age_s(stored.freshness, stored.got_at, kNow));
    tail.raw("X-Cache: Hit\r\n\r\n");
    benchmark::DoNotOptimize(out);
    benchmark::DoNotOptimize(tail);
  }
}
BENCHMARK(hit)->Arg(1)->Arg(1000)->Arg(100'000);

// The hit ratio of a cache of 1 % or 10 % of the keys under Zipf's law, and the time of find and
// put.
void find_or_put(benchmark::State& state) {
  const auto budget = std::make_shared<Budget>(1ull << 40);
  Index index({.bytes_max = 1ull << 40, .entries_max = uint32_t(state.range(0))}, budget);
  const auto targets = zipf_targets(100'000, 1 << 20);
  const auto stored = object(budget, 64);
  std::string buffer;
  size_t i = 0;
  for (auto _ : state) {
    const Key key = make_key(buffer, kSecret, "edge", targets[i++ & 0xfffff]);
    if (!index.find(key, {}, kNow).stored) index.put(key, stored);
  }
  const auto& counts = index.counts();
  state.counters["hit_ratio"] = double(counts.hits) / double(counts.hits + counts.misses);
}
BENCHMARK(find_or_put)->Arg(1000)->Arg(10'000);

}  // namespace
}  // namespace sealane::cache
