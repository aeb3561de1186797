// SPDX-License-Identifier: Apache-2.0
// JSON lines on standard error, one write(2) each, so lines of several threads never mix.
#pragma once

#include <string>

#include "port/lane.h"

namespace sealane::host {

class JsonLog final : public port::Log {
 public:
  // `node` stands in every line; lines below `least` are left out.
  explicit JsonLog(std::string node, port::Level least = port::Level::info)
      : node_(std::move(node)), least_(least) {}
  void line(port::Level level, std::string_view event, std::string_view text) override;

 private:
  const std::string node_;
  const port::Level least_;
};

}  // namespace sealane::host
