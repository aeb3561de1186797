// SPDX-License-Identifier: Apache-2.0
#include "host/resolve.h"

#include <netdb.h>

#include <algorithm>
#include <memory>

#include "host/socket.h"

namespace sealane::host {

Result<IpAddress> resolve(const std::string& name) {
  SL_TRY(const auto all, resolve_all(name));
  return all.front();
}

Result<std::vector<IpAddress>> resolve_all(const std::string& name) {
  if (const auto ip = IpAddress::parse(name)) return std::vector{*ip};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (error != 0)
    return fail(Code::not_found, "cannot resolve " + name + ": " + gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, ::freeaddrinfo);
  std::vector<IpAddress> all;
  for (const int family : {AF_INET, AF_INET6}) {
    for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
      if (at->ai_family != family) continue;
      const IpAddress ip = from_raw(*reinterpret_cast<const RawAddress*>(at->ai_addr)).ip;
      if (std::ranges::find(all, ip) == all.end()) all.push_back(ip);
    }
  }
  if (all.empty()) return fail(Code::not_found, name + " has no address");
  return all;
}

}  // namespace sealane::host
