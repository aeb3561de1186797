// SPDX-License-Identifier: Apache-2.0
#include "host/cut.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "host/socket.h"

namespace sealane::host {
namespace {

Fd udp(const char* at) {
  Fd fd = open_socket(IpAddress::v4(0), SOCK_DGRAM).value();
  EXPECT_TRUE(bind_socket(fd.get(), SocketAddress::parse(at).value(), false));
  return fd;
}

bool arrives(const Fd& from, const Fd& to) {
  RawAddress raw;
  const socklen_t size = to_raw(local_of(to.get()), raw);
  EXPECT_EQ(::sendto(from.get(), "x", 1, 0, &raw.any, size), 1);
  // On the loopback interface a datagram is in the receiver's queue when sendto returns.
  char byte;
  return ::recv(to.get(), &byte, 1, MSG_DONTWAIT) == 1;
}

TEST(NetworkCut, drops_what_comes_from_outside_and_heals) {
  const Fd node = udp("127.41.0.1:0"), inside = udp("127.41.7.7:0"), outside = udp("127.42.0.1:0");
  EXPECT_TRUE(arrives(inside, node));
  EXPECT_TRUE(arrives(outside, node));
  const NetworkCut cut({Prefix::parse("127.41.0.0/16").value()});
  cut.attach(node.get());
  EXPECT_TRUE(arrives(inside, node));
  EXPECT_FALSE(arrives(outside, node));
  NetworkCut::detach(node.get());
  EXPECT_TRUE(arrives(outside, node));
}

}  // namespace
}  // namespace sealane::host
