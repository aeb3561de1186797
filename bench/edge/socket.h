// SPDX-License-Identifier: Apache-2.0
// What both bench programs need of sockets: "127.0.0.1:80" as an address, a fatal error, steady
// time.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace bench {

[[noreturn]] inline void die(const char* what) {
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

inline sockaddr_in address(const std::string& text) {
  sockaddr_in out{};
  const size_t colon = text.rfind(':');
  out.sin_family = AF_INET;
  if (colon == std::string::npos ||
      inet_pton(AF_INET, text.substr(0, colon).c_str(), &out.sin_addr) != 1) {
    std::fprintf(stderr, "%s: want IPv4:port\n", text.c_str());
    std::exit(2);
  }
  out.sin_port = htons(uint16_t(std::atoi(text.c_str() + colon + 1)));
  return out;
}

// One clock for origin and client: both run on this machine.
inline int64_t now_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

inline void no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace bench
