// SPDX-License-Identifier: Apache-2.0
// The plays of plays/*.play as tests: each on several seeds, every expectation met.
#include "play/play.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace sealane::play {
namespace {

// Sanitizers take ten times as long.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr uint64_t kSeeds = 1;
#else
constexpr uint64_t kSeeds = 3;
#endif

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> plays() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(SL_PLAYS_DIR)) {
    if (entry.path().extension() == ".play") out.push_back(entry.path().stem());
  }
  std::ranges::sort(out);
  return out;
}

Options options_for(const std::filesystem::path& dir) {
  static const plan::Data data = plan::built_in_data(false);
  return {.read_file = [dir](std::string_view name) -> Result<std::string> {
            if (!std::filesystem::exists(dir / name))
              return fail(Code::not_found, std::string(name) + " is not there");
            return read(dir / name);
          },
          .data = &data};
}

class Play : public testing::TestWithParam<std::string> {};

TEST_P(Play, meets_every_expectation) {
  const std::filesystem::path dir = SL_PLAYS_DIR;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const auto report = run_file(read(dir / (GetParam() + ".play")),
                                 "plays/" + GetParam() + ".play", seed, options_for(dir));
    ASSERT_TRUE(report) << report.error().what;
    EXPECT_TRUE(report->met) << render(*report);
  }
}

INSTANTIATE_TEST_SUITE_P(Plays, Play, testing::ValuesIn(plays()),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace sealane::play
