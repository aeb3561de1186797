// SPDX-License-Identifier: Apache-2.0
// Text for the inside of other texts. Bytes that are no UTF-8 stay what they are.
#pragma once

#include <string>
#include <string_view>

namespace sealane {

// The inside of a JSON string (RFC 8259 7): quotes, backslashes and controls.
void append_json_escaped(std::string& out, std::string_view text);

// Text or a quoted attribute of HTML and XML.
std::string html_escaped(std::string_view text);

}  // namespace sealane
