// SPDX-License-Identifier: Apache-2.0
// Blocking requests for commands that ask a running node: `sealane explain`, `sealane status`,
// `sealane tables`.
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
Result<HttpAnswer> http_get(std::string_view endpoint, std::string_view target,
                            Duration timeout = 5s);
// The same with a body. `lines`: further fields, each with CRLF at its end. Host is what stands in
// `endpoint` behind http://.
Result<HttpAnswer> http_post(std::string_view endpoint, std::string_view target,
                             std::string_view lines, std::string_view body, Duration timeout);

std::string percent_encoded(std::string_view text);

}  // namespace sealane::host
