// SPDX-License-Identifier: Apache-2.0
// What every kind of probe has in common. A Prober belongs to one endpoint and is used again for
// each probe; the schedule decides when it starts and when it took too long.
#pragma once

#include <string>

#include "base/ip.h"
#include "plan/plan.h"
#include "port/net.h"
#include "view/view.h"

namespace sealane::health {

// Everything that a probe needs to know about its endpoint.
struct Target {
  SocketAddress address;
  IpAddress from;        // source address; unspecified: the kernel chooses
  std::string host;      // Host header and SNI
  std::string path;      // of the request, with the base path of the endpoint
  bool to_node = false;  // another Sealane node: the request says that it is a probe
  plan::Check check;
  friend bool operator==(const Target&, const Target&) = default;
};

struct ProbeResult {
  view::Outcome outcome =
      view::Outcome::unknown;  // unknown: could not be made, for want of our own resources
  uint16_t status = 0;
};

// Who is told. Called once for each start() that is not stopped, and never from inside start().
class ProbeListener {
 public:
  virtual ~ProbeListener() = default;
  virtual void on_probed(const ProbeResult& result) = 0;
};

class Prober {
 public:
  virtual ~Prober() = default;  // stops
  // Begins a probe on a fresh connection. Not while one is under way.
  virtual void start(port::Net& net) = 0;
  // Gives the probe up and its connection with it. Nothing is reported.
  virtual void stop() = 0;
};

// What a broken stream says about the endpoint. `opened`: on_open() came before.
view::Outcome outcome_of(const Error& error, bool opened, bool tls);

}  // namespace sealane::health
