// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "play/play.h"

using namespace sealane;

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::ifstream in(argv[1], std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  play::Options options;
  options.trace_max = argc > 3 ? 100000 : 0;
  const auto report = play::run_file(text, argv[1], argc > 2 ? std::stoull(argv[2]) : 1, options);
  if (!report) {
    fmt::print("{}\n", report.error().what);
    return 2;
  }
  fmt::print("{}", play::render(*report));
  return report->met ? 0 : 1;
}
