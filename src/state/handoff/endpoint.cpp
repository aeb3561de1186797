// SPDX-License-Identifier: Apache-2.0
#include "state/handoff/endpoint.h"

#include <algorithm>

#include "plan/values.h"

namespace sealane::state {
namespace {

// "us-east-1", "us-gov-west-1", "eusc-de-east-1": words of letters, then a number.
bool is_region(std::string_view label) {
  size_t words = 0;
  while (true) {
    const size_t end = std::min(label.find('-'), label.size());
    const std::string_view word = label.substr(0, end);
    const auto all = [&](char first, char last) {
      return !word.empty() &&
             std::ranges::all_of(word, [&](char c) { return c >= first && c <= last; });
    };
    if (end == label.size()) return words >= 2 && all('0', '9');
    if (!all('a', 'z')) return false;
    ++words;
    label.remove_prefix(end + 1);
  }
}

constexpr std::string_view kAwsDomains[] = {".amazonaws.com", ".amazonaws.com.cn", ".api.aws",
                                            ".amazonaws.eu"};
bool is_aws(std::string_view host) {
  return std::ranges::any_of(kAwsDomains,
                             [&](std::string_view domain) { return host.ends_with(domain); });
}

// "AWS General Reference", endpoints of Amazon DynamoDB: those of the streams have names of their
// own.
std::string streams_host(std::string_view host) {
  const bool is_own = host.starts_with("dynamodb.") && is_aws(host) && !host.ends_with(".api.aws");
  return (is_own ? "streams." : "") + std::string(host);
}

}  // namespace

std::string_view aws_region_of(std::string_view host) {
  if (!is_aws(host)) return {};
  while (!host.empty()) {
    const std::string_view label = host.substr(0, host.find('.'));
    if (is_region(label)) return label;
    host.remove_prefix(std::min(label.size() + 1, host.size()));
  }
  return {};
}

Result<Endpoint> endpoint_of(std::string_view url, std::string_view signing_region,
                             std::string_view node_region) {
  SL_TRY(const plan::Url parsed, plan::parse_url(url));
  Endpoint endpoint;
  Place& tables = endpoint.tables;
  tables = {.host = parsed.host,
            .authority = parsed.authority,
            .ip = parsed.ip,
            .port = parsed.port,
            .tls = parsed.tls};
  endpoint.streams = tables;
  const std::string streams = streams_host(parsed.host);
  endpoint.streams.host = streams;
  endpoint.streams.authority = streams + tables.authority.substr(tables.host.size());
  endpoint.target = parsed.path + "/";
  const std::string_view told = aws_region_of(parsed.host);
  endpoint.region = !signing_region.empty() ? signing_region : !told.empty() ? told : node_region;
  return endpoint;
}

}  // namespace sealane::state
