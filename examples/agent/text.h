// SPDX-License-Identifier: Apache-2.0
// What the agent knows, as short paragraphs: the source of its answers and of the pages under
// /docs.
#pragma once

#include <span>
#include <string_view>

namespace sealane::agent {

struct Paragraph {
  std::string_view page;  // the page under /docs that holds it
  std::string_view title;
  std::span<const std::string_view> sentences;
};

std::span<const Paragraph> text();

}  // namespace sealane::agent
