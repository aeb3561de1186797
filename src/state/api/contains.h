// SPDX-License-Identifier: Apache-2.0
// std::ranges::contains, which libstdc++ 12 does not have yet.
#pragma once

#include <algorithm>
#include <functional>
#include <iterator>

namespace sealane::state::api {

template <typename Range, typename T, typename Projection = std::identity>
bool contains(const Range& range, const T& value, Projection projection = {}) {
  return std::ranges::find(range, value, projection) != std::ranges::end(range);
}

}  // namespace sealane::state::api
