// SPDX-License-Identifier: Apache-2.0
// Any request field values against a stored answer: one byte chooses the field, the text up to the
// next newline is its value. Whatever is asked, the parts sent must agree with each other.
#include "base/result.h"
#include "cache/answer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane;
  using namespace sealane::cache;
  using wire::http::Field;
  constexpr std::string_view kNames[] = {
      "Range", "If-Range", "If-None-Match", "If-Modified-Since", "Accept-Encoding", "Vary", "X-A"};
  const WallTime now(std::chrono::seconds(1'795'000'000));

  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<Field> request;
  while (!text.empty() && request.size() < 16) {
    const size_t which = uint8_t(text.front()) % std::size(kNames);
    text.remove_prefix(1);
    const size_t end = std::min(text.find('\n'), text.size());
    request.push_back({kNames[which], text.substr(0, end)});
    text.remove_prefix(std::min(end + 1, text.size()));
  }

  const std::vector<Field> response = {{"ETag", "\"v1\""},
                                       {"Last-Modified", "Sat, 21 Nov 2026 00:00:00 GMT"}};
  const Got got = {.status = 200, .fields = response, .asked_at = {}, .got_at = {}, .wall = now};
  auto body = std::make_shared<Body>();
  body->bytes = "0123456789";
  const auto stored = make_stored(nullptr, Head::make(got, ""), body, {}, {}, {});
  Tail tail;
  const Answer out = answer(*stored, {.method = "GET", .fields = request}, now, tail);
  switch (out.status) {
    case 200:
      SL_ASSERT(out.body == body->bytes && tail.view().empty());
      break;
    case 206:
      SL_ASSERT(!out.body.empty() && body->bytes.find(out.body) != std::string::npos);
      break;
    case 304:
      SL_ASSERT(out.body.empty() && tail.view().empty());
      break;
    case 416:
      SL_ASSERT(out.body.empty() && !tail.view().empty());
      break;
    default:
      SL_ASSERT(false);
  }

  // What a request makes, it selects (unless there was a `*`).
  const Vary vary = make_vary(request, request);
  SL_ASSERT(vary.any || selects(vary, request));
  return 0;
}
