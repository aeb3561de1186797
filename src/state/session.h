// SPDX-License-Identifier: Apache-2.0
// The session token: how far into every node's log its holder has seen. A replica that has applied
// as much shows its holder nothing older than what it saw or wrote before. Short text for headers
// and cookies; made by nodes, kept by clients.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "table/entry.h"

namespace sealane::state {

inline constexpr std::string_view kSessionField = "x-sealane-session";
inline constexpr std::string_view kStaleField =
    "x-sealane-stale";  // answers: milliseconds; requests: "refuse"
// requests: "local", "remote" or "reachable"; answers: "remote" or "local", who has it
inline constexpr std::string_view kAckField = "x-sealane-ack";
inline constexpr std::string_view kLagField = "x-sealane-lag-ms";
inline constexpr size_t kTokenBytesMax = 2048;

// base64url of a version and (source, position) pairs.
std::string to_token(const table::Vector& applied);
// Error `invalid`: not a token; it came from outside.
Result<table::Vector> from_token(std::string_view token);

// The name of a session that a stream begins at the node of `source`, and whose it is by its name;
// nothing: it has a name of another kind.
std::string stream_session(table::Source source, uint32_t random);
std::optional<table::Source> source_of_session(std::string_view session);

}  // namespace sealane::state
