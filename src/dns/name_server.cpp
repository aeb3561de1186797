// SPDX-License-Identifier: Apache-2.0
#include "dns/name_server.h"

#include <fmt/format.h>

#include <utility>

namespace sealane::dns {
namespace {

std::string nsid_of(const NameServerOptions& options, const plan::Plan& plan) {
  if (!options.nsid.empty()) return options.nsid;
  return plan.dns.nsid.empty() ? options.at.ip.to_string() : plan.dns.nsid;
}

}  // namespace

NameServer::NameServer(port::Lane& lane, const Published<plan::Plan>& plan,
                       const Published<view::View>& view, NameServerOptions options)
    : lane_(lane),
      options_(std::move(options)),
      current_(plan, view, lane.clock.now()),
      responder_({.nsid = nsid_of(options_, *current_.plan()),
                  .cookie_secret = options_.cookie_secret,
                  .limit_loopback = options_.limit_loopback,
                  .tcp_idle_timeout = options_.tcp.idle_timeout},
                 lane.dice, lane.meter),
      tcp_(lane, options_.tcp,
           [this](std::span<const uint8_t> query, const IpAddress& peer, std::span<uint8_t> reply) {
             return answer_tcp(query, peer, reply);
           }) {
  if (!options_.authorities) options_.authorities = std::make_shared<AuthorityCache>();
  adopt(true);
}

Status NameServer::start() {
  SL_TRY(socket_, lane_.net.bind(options_.at, *this));
  if (Status listening = tcp_.start(options_.at); !listening) {
    socket_.reset();
    return listening;
  }
  return {};
}

void NameServer::refresh() {
  const auto moved = current_.refresh();
  if (moved != view::Current::Moved::nothing) adopt(moved == view::Current::Moved::both);
}

// The responder holds references into the pair before until it has adopted this one.
void NameServer::adopt(bool is_new_plan) {
  const plan::Plan& plan = *current_.plan();
  if (is_new_plan) {
    authority_ = options_.authorities->get(current_.plan());
    for (const std::string& problem : authority_->problems()) {
      lane_.log.line(port::Level::warn, "dns_not_served", problem);
    }
    lane_.log.line(port::Level::info, "dns_plan",
                   fmt::format("version={} zones={} names={}", plan.version,
                               authority_->zone_count(), authority_->node_count()));
  }
  responder_.set_nsid(nsid_of(options_, plan));
  responder_.adopt(authority_, plan, current_.view());
}

Responder::Asker NameServer::asker(const IpAddress& ip, Transport transport) const {
  const auto unix_s =
      std::chrono::duration_cast<std::chrono::seconds>(lane_.clock.wall().time_since_epoch());
  return {.ip = ip,
          .transport = transport,
          .now = lane_.clock.now(),
          .unix_s = uint32_t(unix_s.count())};
}

void NameServer::on_batch(std::span<port::Datagram> batch) {
  refresh();
  Responder::Asker who = asker({}, Transport::udp);
  for (port::Datagram& datagram : batch) {
    who.ip = datagram.peer.ip;
    datagram.reply_bytes =
        datagram.peer.port == 0 ? 0 : responder_.answer(datagram.bytes, who, datagram.reply);
  }
}

size_t NameServer::answer_tcp(std::span<const uint8_t> query, const IpAddress& peer,
                              std::span<uint8_t> reply) {
  refresh();
  return responder_.answer(query, asker(peer, Transport::tcp), reply);
}

}  // namespace sealane::dns
