// SPDX-License-Identifier: Apache-2.0
// play_explore [--seeds N] [--from S]: randomized worlds, one seed after another; the first
// violation ends it. play_explore --tables ...: the same for replicated tables (tables/checker.h).
// play_explore FILE.play [SEED]: one scene.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "play/explore.h"
#include "play/play.h"
#include "play/tables/checker.h"

namespace {

using namespace sealane;

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

int run_play(const std::string& file, uint64_t seed) {
  const std::filesystem::path dir = std::filesystem::path(file).parent_path();
  const play::Options options{
      .read_file = [&](std::string_view name) -> Result<std::string> { return read(dir / name); }};
  const auto report = play::run_file(read(file), file, seed, options);
  if (!report) {
    fmt::print(stderr, "{}\n", report.error().what);
    return 2;
  }
  fmt::print("{}", play::render(*report));
  return report->met ? 0 : 1;
}

int run_seeds(uint64_t from, uint64_t count) {
  const plan::Data data = plan::built_in_data(false);
  const auto begin = std::chrono::steady_clock::now();
  uint64_t events = 0, views = 0, answers = 0, requests = 0;
  Duration lasted{};
  for (uint64_t seed = from; seed < from + count; ++seed) {
    const play::Exploration one = play::explore(seed, data);
    events += one.event_count, views += one.view_count, answers += one.answer_count,
        requests += one.request_count;
    lasted += one.lasted;
    if (one.held) continue;
    fmt::print("{}", play::render(one));
    return 1;
  }
  const double took_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print(
      "{} seeds from {}: every invariant held; {:.0f} virtual hours, {} events, {} views, {} DNS "
      "answers, "
      "{} requests in {:.1f}s\n",
      count, from, double(lasted.count()) / 3600e9, events, views, answers, requests, took_s);
  return 0;
}

int run_tables(uint64_t from, uint64_t count) {
  uint64_t acknowledged = 0, excused = 0, reads = 0, stale = 0, conflicts = 0, faults = 0,
           repairs = 0, snapshots = 0, held = 0;
  uint64_t restores = 0;
  Duration slowest{};
  for (uint64_t seed = from; seed < from + count; ++seed) {
    const play::TableVerdict one = play::try_tables(play::random_trial(seed));
    acknowledged += one.acknowledged_count, reads += one.read_count, stale += one.stale_count;
    conflicts += one.conflict_count, faults += one.fault_count, repairs += one.repair_count;
    excused += one.excused_count, snapshots += one.snapshot_count, held += one.held_count;
    restores += one.restore_count;
    slowest = std::max(slowest, one.level_after);
    if (one.broken.empty()) continue;
    fmt::print("seed {}:\n", seed);
    for (const std::string& what : one.broken) fmt::print("  {}\n", what);
    return 1;
  }
  fmt::print(
      "{} seeds from {}: every rule held; {} faults, {} nodes restored, {} appends acknowledged "
      "({} lost with the only "
      "disk that had them), {} reads ({} marked stale), {} conflicts journaled, {} repairs, {} "
      "snapshots, {} entries "
      "held back by clocks, level at the latest {:.1f} s after the faults\n",
      count, from, faults, restores, acknowledged, excused, reads, stale, conflicts, repairs,
      snapshots, held, double(slowest.count()) / 1e9);
  return 0;
}

bool number(const char* text, uint64_t& out) {
  const std::string_view view(text);
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), out);
  return error == std::errc{} && end == view.data() + view.size();
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t from = 1, count = 100, seed = 1;
  std::string file;
  bool tables = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool takes_number = word == "--seeds" || word == "--from";
    uint64_t value = 0;
    if (takes_number && (i + 1 == argc || !number(argv[++i], value))) {
      fmt::print(stderr, "{} wants a number\n", word);
      return 2;
    }
    if (word == "--seeds") {
      count = value;
    } else if (word == "--from") {
      from = value;
    } else if (word == "--tables") {
      tables = true;
    } else if (!file.empty() && number(argv[i], value)) {
      seed = value;
    } else {
      file = word;
    }
  }
  if (tables) return run_tables(from, count);
  return file.empty() ? run_seeds(from, count) : run_play(file, seed);
}
