// SPDX-License-Identifier: Apache-2.0
#include "main/fault_line.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "host/files.h"

namespace sealane::main {

Result<UpFile> parse_up_file(std::string_view text) {
  const auto document = nlohmann::json::parse(text, nullptr, false);
  const auto member = [&](const char* name) {
    return document.is_object() ? document.value(name, nlohmann::json{}) : nlohmann::json{};
  };
  const auto port = member("port"), token = member("token"), world = member("world");
  if (!port.is_number_unsigned() || port.get<uint64_t>() == 0 || port.get<uint64_t>() > 65535 ||
      !token.is_string() || !world.is_string()) {
    return fail(Code::corrupt, "up.json has no port, token or world");
  }
  return UpFile{port.get<uint16_t>(), token.get<std::string>(), world.get<std::string>()};
}

Result<UpFile> read_up_file(const std::filesystem::path& data_dir) {
  const auto path = data_dir / "run" / "up.json";
  const auto text = host::read_file(path, 1 << 20);
  if (!text) {
    return fail(Code::unavailable,
                fmt::format("no world is up here ({}); start one with `sealane up`, or name its "
                            "directory with --data",
                            text.error().what));
  }
  return parse_up_file(*text);
}

FaultLine::FaultLine(port::Lane& lane, UpFile up) : lane_(lane), up_(std::move(up)) {}

void FaultLine::order(std::string_view verb, std::string_view region,
                      std::function<void(Status)> done) {
  SL_ASSERT(!done_);
  done_ = std::move(done);
  line_.clear();
  stream_ = lane_.net.connect({IpAddress::v4(127, 0, 0, 1), up_.port}, {}, *this);
  stream_->write(fmt::format("{} {} {}\n", up_.token, verb, region));
}

void FaultLine::on_data(std::span<const char> bytes) {
  line_.append(bytes.data(), std::min(bytes.size(), kAnswerBytesMax - line_.size()));
  const size_t end = line_.find('\n');
  if (end == line_.npos) {
    if (line_.size() == kAnswerBytesMax)
      answer(fail(Code::corrupt, "`sealane up` answers without end"));
    return;
  }
  line_.resize(end);
  if (line_ == "ok" || line_.starts_with("ok ")) return answer({});
  answer(fail(Code::unavailable, "`sealane up` answers: " + line_));
}

void FaultLine::answer(Status status) {
  stream_.reset();
  if (done_) std::exchange(done_, nullptr)(std::move(status));
}

}  // namespace sealane::main
