// SPDX-License-Identifier: Apache-2.0
#include "host/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "base/escape.h"

namespace sealane::host {

void JsonLog::line(port::Level level, std::string_view event, std::string_view text) {
  if (level < least_) return;
  static constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};
  const auto now =
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  std::string out = fmt::format(R"({{"time":"{:%Y-%m-%dT%H:%M:%S}Z","level":"{}","node":")", now,
                                kNames[size_t(level)]);
  append_json_escaped(out, node_);
  out += R"(","event":")";
  append_json_escaped(out, event);
  out += R"(","text":")";
  append_json_escaped(out, text);
  out += "\"}\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, out.data(), out.size());
}

}  // namespace sealane::host
