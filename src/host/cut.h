// SPDX-License-Identifier: Apache-2.0
// Cutting a node off from the rest of the world, for drills: the kernel drops what comes in from
// outside a set of prefixes, socket by socket (a classic BPF filter), so TCP sees lost packets and
// nothing else, as with a cut cable. Needs no privilege and touches no other process.
#pragma once

#include <memory>
#include <vector>

#include "base/ip.h"

namespace sealane::host {

class NetworkCut {
 public:
  // Packets from these prefixes still come through. IPv4; IPv6 packets are all dropped.
  explicit NetworkCut(std::vector<Prefix> inside) : inside_(std::move(inside)) {}
  void attach(int fd) const;
  static void detach(int fd);
  // To every inet socket that this process has open now. New ones are the caller's care
  // (Net::set_cut); accepted ones inherit the filter of their listener.
  void attach_to_all() const;
  static void detach_from_all();

 private:
  std::vector<Prefix> inside_;
};

}  // namespace sealane::host
