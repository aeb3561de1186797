// SPDX-License-Identifier: Apache-2.0
// How far this lane's clients are, as the kernel has measured it on their connections: asked once a
// connection, gathered, and told about in batches. Bounded: what does not fit into a batch is not
// told.
#pragma once

#include <boost/container/static_vector.hpp>
#include <functional>
#include <memory>
#include <span>

#include "base/ip.h"
#include "port/lane.h"

namespace sealane::edge {

struct RoundTrip {
  IpAddress client;
  Duration took{};
};

// False for what says nothing about where users are: loopback, private, link-local, shared (RFC
// 6890).
bool is_public(const IpAddress& ip);

class RoundTrips {
 public:
  static constexpr size_t kBatchMax = 256;
  static constexpr Duration kEvery = 1s;
  using Tell = std::function<void(std::span<const RoundTrip>)>;

  // `tell` may be empty: then nothing is asked.
  RoundTrips(port::Lane& lane, Tell tell);
  // Asks the stream of a client. The peer must be the user: neither a node nor a prober.
  void measure(const port::Stream& stream);

 private:
  void flush();

  port::Lane& lane_;
  const Tell tell_;
  boost::container::static_vector<RoundTrip, kBatchMax> batch_;
  std::unique_ptr<port::Timer> timer_;
};

}  // namespace sealane::edge
