// SPDX-License-Identifier: Apache-2.0
// A blocking GET for commands that ask a running node: `sealane explain`, `sealane status`.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace sealane::host {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// `endpoint`: http://ADDRESS:PORT. Plain HTTP only; the whole exchange takes `timeout` at most.
Result<HttpAnswer> http_get(std::string_view endpoint, std::string_view target, Duration timeout = 5s);

std::string percent_encoded(std::string_view text);

}  // namespace sealane::host
