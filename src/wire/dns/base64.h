// SPDX-License-Identifier: Apache-2.0
// RFC 4648 base64 and base16, as record data writes keys and hashes.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace sealane::wire::dns {

std::string base64_encode(std::string_view bytes);
// Padding must be there; nothing else may.
Result<std::string> base64_decode(std::string_view text);
std::string hex_encode(std::string_view bytes);
Result<std::string> hex_decode(std::string_view text);

}  // namespace sealane::wire::dns
