// SPDX-License-Identifier: Apache-2.0
// The other end of the fault protocol of `sealane up`: one line out, "ok ..." or "error ..." back.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "port/lane.h"

namespace sealane::main {

// DATA/run/up.json.
struct UpFile {
  uint16_t port = 0;
  std::string token;
  std::filesystem::path world;
};
// Code::unavailable when no world is up with this data directory.
Result<UpFile> read_up_file(const std::filesystem::path& data_dir);
Result<UpFile> parse_up_file(std::string_view json);

class FaultLine final : port::StreamHandler {
 public:
  static constexpr size_t kAnswerBytesMax = 4096;
  FaultLine(port::Lane& lane, UpFile up);
  // One order at a time; `done` is called from the loop.
  void order(std::string_view verb, std::string_view region, std::function<void(Status)> done);

 private:
  void on_data(std::span<const char> bytes) override;
  void on_end() override { answer(fail(Code::unavailable, "`sealane up` closed the connection")); }
  void on_error(const Error& error) override { answer(std::unexpected(error)); }
  void answer(Status status);

  port::Lane& lane_;
  const UpFile up_;
  std::unique_ptr<port::Stream> stream_;
  std::string line_;
  std::function<void(Status)> done_;
};

}  // namespace sealane::main
