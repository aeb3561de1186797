// SPDX-License-Identifier: Apache-2.0
#include "main/play_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "host/files.h"
#include "main/exit_code.h"
#include "play/play.h"

namespace sealane::main {
namespace {

constexpr size_t kSceneBytesMax = 1u << 20;

int run_play(const std::filesystem::path& file, uint64_t seed, const std::string& output) {
  const auto text = host::read_file(file, kSceneBytesMax);
  if (!text) return report_failure(std::unexpected(text.error()));
  // A scene may name countries' addresses, so the whole table is there.
  const plan::Data data = plan::built_in_data();
  const play::Options options{.read_file =
                                  [&](std::string_view name) {
                                    return host::read_file(file.parent_path() / std::string(name),
                                                           kSceneBytesMax);
                                  },
                              .data = &data};
  const auto report = play::run_file(*text, file.string(), seed, options);
  if (!report) return report_failure(std::unexpected(report.error()));
  fmt::print("{}", output == "json" ? play::render_json(*report) + "\n" : play::render(*report));
  return report->met ? 0 : 1;
}

}  // namespace

void add_play_command(CLI::App& app, int& exit_code) {
  struct Arguments {
    std::string file, output = "text";
    uint64_t seed = 1;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(
      "play", "run a fault story in seeded virtual time; exit 0 when every expectation is met");
  command->add_option("file", arguments->file, "a .play file")->required();
  command->add_option("--seed", arguments->seed, "another seed, another run")
      ->capture_default_str();
  command->add_option("-o,--output", arguments->output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->callback([arguments, &exit_code] {
    exit_code = run_play(arguments->file, arguments->seed, arguments->output);
  });
}

}  // namespace sealane::main
