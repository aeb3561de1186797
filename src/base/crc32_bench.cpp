// SPDX-License-Identifier: Apache-2.0
// Goal: more than 2 GB/s for an answer of 1 KiB and up.
#include <benchmark/benchmark.h>

#include <string>

#include "base/crc32.h"

namespace {

void crc32(benchmark::State& state) {
  const std::string text(size_t(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(sealane::crc32(text));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(crc32)->Arg(60)->Arg(1024)->Arg(400'000);

}  // namespace
