// SPDX-License-Identifier: Apache-2.0
#include "plan/world.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace sealane::plan {
namespace {

std::string file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Result<std::string> beside_examples(std::string_view name) {
  const auto path = std::filesystem::path("examples") / name;
  if (!std::filesystem::exists(path)) return fail(Code::not_found, "no such file");
  return file(path);
}

TEST(Examples, all_compile) {
  const Data data = built_in_data(false);
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("examples")) {
    if (entry.path().extension() != ".yaml") continue;
    ++count;
    const auto plan = compile(file(entry.path()), entry.path().filename().string(), beside_examples, data);
    EXPECT_TRUE(plan) << plan.error().what;
  }
  EXPECT_GE(count, 5u);
}

}  // namespace
}  // namespace sealane::plan
