// SPDX-License-Identifier: Apache-2.0
// The two calls on a request's path, and what a sync costs when many share it.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/dice.h"
#include "host/rocks_store.h"
#include "host/test_lane.h"

namespace sealane::host {
namespace {

using port::Keyspace;
constexpr uint64_t kItemCount = 20'000;

struct Filled {
  TestDirectory dir;
  TestLane lane;
  std::unique_ptr<RocksStore> store =
      RocksStore::open({.dir = dir.path() / "store"}, lane.lane()).value();
  std::unique_ptr<port::Batch> batch = store->batch();
  std::string value = std::string(1024, 'v');
  Dice dice{1};
  Filled() {
    for (uint64_t i = 0; i < kItemCount; ++i) write(i);
  }
  Status write(uint64_t n) {
    batch->clear();
    batch->put(Keyspace::items, fmt::format("item{:012}", n), value);
    batch->put(Keyspace::log, fmt::format("log{:012}", n), value);
    return store->write(*batch);
  }
};

void get_1_kib(benchmark::State& state) {
  Filled filled;
  std::string value;
  for (auto _ : state) {
    const auto found = filled.store->get(
        Keyspace::items, fmt::format("item{:012}", filled.dice.below(kItemCount)), value);
    if (!found || !*found) state.SkipWithError("not there");
  }
}
BENCHMARK(get_1_kib);

void write_an_item_and_its_log_entry(benchmark::State& state) {
  Filled filled;
  uint64_t refused_count = 0;
  for (auto _ : state) {
    if (!filled.write(filled.dice.below(kItemCount))) ++refused_count;
  }
  state.counters["refused"] = double(refused_count);
}
BENCHMARK(write_an_item_and_its_log_entry)->MinTime(5);

// As many writers as connections, each waiting for its own sync.
void write_and_sync(benchmark::State& state) {
  Filled filled;
  const auto writer_count = int(state.range(0));
  uint64_t done_count = 0;
  for (auto _ : state) {
    int waiting_count = writer_count;
    for (int i = 0; i < writer_count; ++i) {
      if (!filled.write(filled.dice.below(kItemCount))) state.SkipWithError("refused");
      filled.store->sync([&](const Status&) { --waiting_count; });
    }
    while (waiting_count > 0) filled.lane.host.loop().turn(1s);
    done_count += uint64_t(writer_count);
  }
  state.SetItemsProcessed(int64_t(done_count));
}
BENCHMARK(write_and_sync)->Arg(1)->Arg(16)->Arg(64)->UseRealTime();

}  // namespace
}  // namespace sealane::host
