// SPDX-License-Identifier: Apache-2.0
// steer's choices as addresses, remembered by (group, client class) for as long as plan and view
// stay the same. Groups that throw dice are chosen anew for each question.
#pragma once

#include <boost/container/static_vector.hpp>
#include <cstdint>
#include <vector>

#include "base/dice.h"
#include "steer/steer.h"

namespace sealane::dns {

constexpr size_t kMemoMax = 8192;       // choices remembered on a lane
constexpr size_t kNetworksMax = 32768;  // client networks whose class is remembered, 16 bytes each

// The head of a choice, split by family, in its order and without repeats.
struct Addresses {
  boost::container::static_vector<IpAddress, steer::kHeadMax> v4, v6;
  uint32_t ttl_s = 0;
  bool refused = false;  // nothing is healthy and the group says: closed
};

class Steering {
 public:
  // A new plan or view: forgets what was remembered. Both must outlive the next adopt(), and fit
  // together.
  void adopt(const plan::Plan& plan, const view::View& view);

  // What this client gets; valid until the next call. `scope_bits` is what RFC 7871 wants back.
  const Addresses& choose(plan::GroupId group, const IpAddress& client, Dice& dice,
                          uint8_t& scope_bits);

 private:
  struct GroupTraits {
    bool uses_dice = false, uses_client = false;
  };
  struct Remembered {
    uint64_t key = 0;    // of (group, class)
    uint64_t epoch = 0;  // of the snapshots it was chosen from; 0: empty
    Addresses addresses;
  };
  // A network whose clients are all of one class: a /24, or a /56 of IPv6.
  struct Network {
    uint64_t key = kNoNetwork;
    uint32_t class_id = 0;
    uint8_t scope_bits = 0;
  };
  static constexpr uint64_t kNoNetwork = ~uint64_t{0};

  steer::ClientClass classify(const IpAddress& client);
  void fill(const steer::Choice& choice, Addresses& out) const;

  const plan::Plan* plan_ = nullptr;
  const view::View* view_ = nullptr;
  uint64_t epoch_ = 0;
  uint32_t class_count_ = 1;
  std::vector<GroupTraits> traits_;  // by GroupId
  std::vector<Remembered> memo_;     // a power of two; a newer pair takes an older one's place
  std::vector<Network> networks_;    // direct-mapped
  Addresses fresh_;
};

}  // namespace sealane::dns
