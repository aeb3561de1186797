// SPDX-License-Identifier: Apache-2.0
// The words that an expression may not use as attribute names, in any case (AWS developer guide,
// "Reserved words in DynamoDB"). They stand behind #placeholders instead.
#pragma once

#include <cstddef>
#include <string_view>

namespace sealane::table {

inline constexpr size_t kReservedWordCount = 573;
bool is_reserved_word(std::string_view word);

}  // namespace sealane::table
