// SPDX-License-Identifier: Apache-2.0
// Any bytes: no crash; what parses reads back the same after it is written.
#include "base/result.h"
#include "wire/http/date.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane;
  const WallTime now(std::chrono::seconds(1'795'000'000));
  const auto time = wire::http::parse_http_date({reinterpret_cast<const char*>(data), size}, now);
  if (!time) return 0;
  const wire::http::HttpDate text = wire::http::format_http_date(*time);
  SL_ASSERT(wire::http::parse_http_date(wire::http::view(text), now) == time);
  return 0;
}
