// SPDX-License-Identifier: Apache-2.0
// Any bytes as what the server of handed tables answers, line by line, each line begun by one byte
// of a status: the declaration of a table goes on asking or ends, and what it says of the end is
// words.
#include <cstdint>

#include "state/handoff/caller.h"
#include "state/handoff/declaration.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane;
  constexpr uint16_t kStatuses[] = {200, 400, 500, 501};
  table::Table wanted{.name = "t"};
  wanted.key.hash = {"p", table::Type::S};
  wanted.ttl_attribute = "x";
  wanted.stream = table::StreamView::new_image;
  state::Declaration declaration(wanted);
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty()) continue;
    (void)state::aws_error_of(line.substr(1));
    declaration.answered(kStatuses[uint8_t(line[0]) % 4], line.substr(1));
    SL_ASSERT(declaration.is_done() ||
              (!declaration.operation().empty() && declaration.body().starts_with('{')));
    SL_ASSERT(!declaration.should_wait() || !declaration.trouble().empty());
    for (const std::string& difference : declaration.differences()) SL_ASSERT(!difference.empty());
  }
  return 0;
}
