// SPDX-License-Identifier: Apache-2.0
// A node's pages are bytes from outside: whatever they are, they are refused or shown.
#include "main/overview.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  main::Overview overview{.domain = "d", .nodes = {{.region = "r", .address = "a"}}};
  main::NodeReport& node = overview.nodes.front();
  node.traffic = main::read_metrics(text);
  if (const Status read = main::read_status(text, node); !read) node.trouble = read.error().what;
  if (main::render(overview, main::Earlier{overview, 1s}).empty() ||
      main::render_json(overview).empty())
    __builtin_trap();
  return 0;
}
