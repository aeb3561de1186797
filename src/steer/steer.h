// SPDX-License-Identifier: Apache-2.0
// THE decision: which endpoints should serve this client, best first, for how long, and why. Pure:
// the same plan, view, question and dice give the same choice. DNS writes the head of the order as
// records, the edge walks it as origins, `sealane explain` prints it.
#pragma once

#include <boost/container/static_vector.hpp>
#include <cstdint>
#include <string>

#include "base/ip.h"
#include "plan/plan.h"
#include "view/view.h"

namespace sealane::steer {

constexpr size_t kOrderMax = 64;  // endpoints in one choice; what lies behind is never reached
constexpr size_t kHeadMax = 8;    // records in one DNS answer (Route 53's limit for multivalue)
constexpr size_t kStepsMax = 16;

struct Question {
  plan::GroupId group{};
  IpAddress client;     // the user's address, or the EDNS Client Subnet's
};

// What the policies know about a client: the row of round-trip times that counts for it. Two
// clients of one class get the same choice from the same dice, so roles may remember choices by
// class.
struct ClientClass {
  uint32_t id = 0;          // dense: below class_count(plan, view)
  uint8_t scope_bits = 0;   // of the prefix around the client that shares this class
  friend bool operator==(const ClientClass&, const ClientClass&) = default;
};

// One group's part in the decision, outermost first.
struct Step {
  plan::GroupId group{};
  enum class Verdict : uint8_t {
    first,          // the first choice of the policy is healthy
    next,           // better ones are down; this is the best healthy one
    zero_weight,    // all weighted members are down, one of weight 0 is taken
    all_down_open,  // nothing is healthy: answered as if all were
    all_down_closed,
    last_resort,
  } verdict = Verdict::first;
  uint16_t member = 0;            // position of the chosen member in the group
  uint16_t skipped_count = 0;     // members that ranked better and are down
  plan::Estimate estimate;        // latency: of the chosen member
};

struct Choice {
  boost::container::static_vector<plan::EndpointId, kOrderMax> order;  // empty: refused
  uint8_t head_count = 0;   // how many at the front are equally good: the records of a DNS answer
  uint8_t scope_bits = 0;   // for RFC 7871; 0 when the answer does not depend on the client
  uint32_t ttl_s = 0;
  boost::container::static_vector<Step, kStepsMax> why;
};

// Total: never fails. `dice` decides between equals (weights, the order of multivalue answers).
Choice steer(const plan::Plan& plan, const view::View& view, const Question& question,
             uint64_t dice);

// The two halves of steer(): who is asking, and what such clients get. steer(q) ==
// choose(classify(q)).
ClientClass classify(const plan::Plan& plan, const view::View& view, const IpAddress& client);
Choice choose(const plan::Plan& plan, const view::View& view, plan::GroupId group,
              ClientClass client, uint64_t dice);
uint32_t class_count(const plan::Plan& plan, const view::View& view);
// False when no group below `group` throws dice: then a choice may be remembered by (group, class,
// view).
bool uses_dice(const plan::Plan& plan, plan::GroupId group);
// False when no group below `group` looks at where the client is.
bool uses_client(const plan::Plan& plan, plan::GroupId group);

// The choice in words, one line a step: what `sealane explain` prints.
std::string explain(const plan::Plan& plan, const view::View& view, const Question& question,
                    const Choice& choice);

}  // namespace sealane::steer
