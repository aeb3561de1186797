// SPDX-License-Identifier: Apache-2.0
#include "host/resolve.h"

#include <netdb.h>

#include <memory>

#include "host/socket.h"

namespace sealane::host {

Result<IpAddress> resolve(const std::string& name) {
  if (auto ip = IpAddress::parse(name)) return ip;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (error != 0) return fail(Code::not_found, "cannot resolve " + name + ": " + gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, ::freeaddrinfo);
  for (const int family : {AF_INET, AF_INET6}) {
    for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
      if (at->ai_family == family) return from_raw(*reinterpret_cast<const RawAddress*>(at->ai_addr)).ip;
    }
  }
  return fail(Code::not_found, name + " has no address");
}

}  // namespace sealane::host
