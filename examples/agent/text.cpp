// SPDX-License-Identifier: Apache-2.0
#include "text.h"

#include <array>

namespace sealane::agent {
namespace {

using S = std::string_view;

constexpr S kWhyRegions[] = {
    "An agent in one region is far from most of its users, and it is gone when that region is "
    "gone.",
    "A second region near the other users makes each turn of a conversation faster, because every "
    "turn pays the round trip again.",
    "It also means that the failure of one region is an event in a log and not an outage.",
    "Run the same agent in each region and let each user reach the nearest healthy one.",
};
constexpr S kLatency[] = {
    "Light in fibre needs about one millisecond for 200 kilometres, and real paths are half as "
    "long again.",
    "A cold HTTPS request takes about four round trips: DNS, TCP, TLS and the request itself.",
    "So a region 100 milliseconds away costs 400 milliseconds before the first token.",
    "Measure latency between the networks of your users and your regions instead of guessing it "
    "from a map.",
};
constexpr S kDns[] = {
    "DNS steering answers the same name with different addresses, depending on who asks.",
    "The name server sees the address of the resolver, or the client's subnet when the resolver "
    "sends EDNS Client Subnet.",
    "The TTL of an answer says how long a resolver may go on using it, so it bounds how fast DNS "
    "can fail over.",
    "A short TTL of a few seconds is cheap when the name server answers from memory.",
    "Sealane lets the TTL sink while an endpoint looks doubtful, so no answer outlives the state "
    "it was made from.",
};
constexpr S kPolicies[] = {
    "A latency policy answers with the healthy region that has the lowest round-trip time for this "
    "client.",
    "A failover policy answers with the primary while it is healthy and with the next standby when "
    "it is not.",
    "A weighted policy spreads users by shares, which suits a gradual rollout.",
    "A multivalue policy answers with several healthy addresses in a random order.",
    "When everything is down, failing open answers as if all were healthy, which is often better "
    "than no answer.",
};
constexpr S kFailover[] = {
    "Failover is the move of users from a region that died to one that lives.",
    "Its time is the sum of three parts: noticing the failure, changing the answer, and the "
    "clients taking the new answer up.",
    "Noticing takes the probe interval times the number of failures that must come in a row.",
    "An edge that holds the client's connection can move a request at once, without waiting for "
    "any DNS answer to expire.",
    "A failover that was never rehearsed does not work; run a drill every week.",
};
constexpr S kHealth[] = {
    "A health check asks each endpoint at a fixed interval and counts consecutive failures and "
    "successes.",
    "One lost packet must not take a region down, so a threshold of three failures is usual.",
    "A frozen process still accepts connections, so only an answer within the timeout counts as "
    "healthy.",
    "A refused connection is certain at once, while silence has to wait for the timeout.",
    "Check end to end: a node is healthy when a request through it reaches a working agent.",
    "With an interval of 100 milliseconds and three failures, a dead region is noticed in about "
    "300 milliseconds.",
};
constexpr S kCaching[] = {
    "Tool schemas and documentation are the same for everybody, so the edge may answer them from "
    "its cache.",
    "Cache-Control: max-age says how long an answer stays fresh, and an ETag lets a cache ask "
    "cheaply whether it changed.",
    "A stale answer that is served while the origin is down is better than an error, if the origin "
    "allows it.",
    "Answers to POST /agent are never cached, because each belongs to one conversation.",
    "Answers marked private or no-store must not be shared between users.",
};
constexpr S kStreaming[] = {
    "A streamed answer uses server-sent events: the connection stays open and each token is one "
    "event.",
    "A proxy on the way must not buffer the stream, or the user waits for the end instead of the "
    "first token.",
    "When a stream breaks in the middle, the client should ask again in another region with the "
    "same session.",
    "Event ids let a client tell which tokens it already has.",
};
constexpr S kSessions[] = {
    "A session is the memory of one conversation: what was asked and what was answered.",
    "If the session lives in one region only, the user who is moved to another region starts from "
    "nothing.",
    "Replicate sessions to the other regions, or let the client send its recent turns along with "
    "the next prompt.",
    "Two regions may write to one session at the same time, so the merge of both writes must not "
    "depend on their order.",
};
constexpr S kAnycast[] = {
    "Anycast announces one address from several regions, and the routers of the internet pick the "
    "nearest one.",
    "It fails over as fast as routing converges, often within seconds, and needs no DNS change.",
    "A TCP connection breaks when routing moves it to another region in the middle.",
};
constexpr S kDrills[] = {
    "A drill kills, freezes or cuts off a region on purpose and measures what users felt.",
    "Kill a process and its connections are refused; freeze it and they hang; cut its network and "
    "packets vanish.",
    "Each of the three needs its own detection, so rehearse all three.",
    "A good drill reports lost requests, lost tokens and the longest wait, not only the state of "
    "the checks.",
};
constexpr S kCost[] = {
    "A second region costs a second set of machines, and replication costs a write in every "
    "region.",
    "Data between regions is billed by the gigabyte, so cache close to the users.",
    "The price of an outage is the other side of the sum.",
};

constexpr std::array kText = {
    Paragraph{"getting-started", "Why more than one region", kWhyRegions},
    Paragraph{"getting-started", "Latency and distance", kLatency},
    Paragraph{"getting-started", "What it costs", kCost},
    Paragraph{"steering", "DNS steering and TTL", kDns},
    Paragraph{"steering", "Routing policies", kPolicies},
    Paragraph{"steering", "Anycast", kAnycast},
    Paragraph{"failover", "Failover", kFailover},
    Paragraph{"failover", "Health checks", kHealth},
    Paragraph{"failover", "Drills", kDrills},
    Paragraph{"conversations", "Caching at the edge", kCaching},
    Paragraph{"conversations", "Streaming tokens", kStreaming},
    Paragraph{"conversations", "Sessions", kSessions},
};

}  // namespace

std::span<const Paragraph> text() { return kText; }

}  // namespace sealane::agent
