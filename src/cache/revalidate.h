// SPDX-License-Identifier: Apache-2.0
// Asking the origin whether a stored answer still holds (RFC 9111 4.3), and what a 304 makes of it.
#pragma once

#include <memory>
#include <string_view>

#include "cache/stored.h"

namespace sealane::cache {

// Fields of the client's request that must not reach the origin when the answer is to be stored:
// the fill wants the whole thing, whatever this client has already.
bool is_dropped_for_fill(std::string_view name);

// "If-None-Match: ...\r\nIf-Modified-Since: ...\r\n" for a stored answer, empty if it has no
// validator.
std::string conditional_lines(const Head& head);

// A 304 for `stored` arrived: the same body with the fields of the 304 laid over the stored ones
// (RFC 9111 3.2) and new freshness. nullptr if the 304 names another answer (4.3.4: strong
// validator differs) or forbids keeping this one: then fetch again without conditions.
std::shared_ptr<const Stored> merge_not_modified(const Rule& rule, const Asked& asked,
                                                 const Stored& stored, const Got& got,
                                                 std::shared_ptr<Budget> budget);

}  // namespace sealane::cache
