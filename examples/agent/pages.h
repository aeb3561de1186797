// SPDX-License-Identifier: Apache-2.0
// What the agent serves besides conversations: its tools as JSON schemas, and its text as HTML
// pages.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sealane::agent {

std::string tools_json();
// (path, HTML) of every page; "/docs/" is the list.
std::vector<std::pair<std::string, std::string>> docs_pages();

}  // namespace sealane::agent
