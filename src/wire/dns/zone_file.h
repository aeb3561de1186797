// SPDX-License-Identifier: Apache-2.0
// RFC 1035 5 master files: $ORIGIN, $TTL (RFC 2308 4), parentheses, quotes, '@', blank owners, TTL
// units.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/dns/record.h"

namespace sealane::wire::dns {

constexpr size_t kZoneRecordsMax = 5'000'000;

// The records of `text`, in its order. `origin` ("example.test") is what relative names continue
// with until the first $ORIGIN. An error says "file:line:column: what is wrong". The file's name is
// only used for that.
Result<std::vector<Record>> parse_zone_file(std::string_view text, std::string_view file_name,
                                            std::string_view origin);
// The same, and then what a zone has to be: exactly one SOA, at the apex; name servers at the apex;
// every owner inside the zone; nothing beside a CNAME; at most one CNAME a name (RFC 1034 3.6.2,
// RFC 2181 10.1).
Result<std::vector<Record>> load_zone(std::string_view text, std::string_view file_name,
                                      std::string_view origin);

}  // namespace sealane::wire::dns
