// SPDX-License-Identifier: Apache-2.0
#include "play/drill/stub_resolver.h"

#include <algorithm>
#include <utility>

#include "wire/dns/message.h"

namespace sealane::play::drill {

namespace dns = wire::dns;

Result<std::unique_ptr<StubResolver>> StubResolver::make(port::Lane& lane, Options options) {
  SL_ASSERT(!options.servers.empty());
  std::unique_ptr<StubResolver> resolver(new StubResolver(lane, std::move(options)));
  SL_TRY(resolver->socket_, lane.net.bind({resolver->options_.from, 0}, *resolver));
  return resolver;
}

StubResolver::StubResolver(port::Lane& lane, Options options)
    : lane_(lane), options_(std::move(options)), impatient_(lane.timers.make([this] { send(); })) {}

void StubResolver::ask(bool anew, Done done) {
  const Instant now = lane_.clock.now();
  if (!anew && asked_count_ == 0 && !answer_.addresses.empty() && now < answer_.until)
    return done(answer_);
  if (waiting_.size() >= kWaitingMax) return done({});
  waiting_.push_back(std::move(done));
  if (asked_count_ > 0) return;
  id_ = uint16_t(lane_.dice.roll());
  send();
}

// To the next server; after the last one of the last round the question is given up.
void StubResolver::send() {
  if (asked_count_ == kRoundsMax * options_.servers.size()) return settle({});
  const SocketAddress& server = options_.servers[asked_count_++ % options_.servers.size()];
  const auto query = dns::make_query(options_.name, dns::Type::a,
                                     {.id = id_, .edns = true, .subnet = options_.subnet});
  SL_ASSERT(query.has_value());  // the name came out of a compiled plan
  socket_->send(server, {dns::bytes_of(*query), query->size()});
  impatient_->arm_at(lane_.clock.now() + options_.patience);
}

void StubResolver::on_batch(std::span<port::Datagram> batch) {
  for (const port::Datagram& packet : batch) {
    // An answer may come from any server that was asked, also from one that was given up.
    if (asked_count_ == 0 ||
        std::ranges::find(options_.servers, packet.peer) == options_.servers.end())
      continue;
    const auto message = dns::decode_message(packet.bytes);
    if (!message || message->id != id_ || !message->is(dns::Flag::qr)) continue;
    if (message->questions.size() != 1 || message->questions[0].name != options_.name) continue;
    Answer answer;
    uint32_t ttl_s = UINT32_MAX;
    for (const dns::Record& record : message->answers) {
      if (record.type != dns::Type::a || record.rdata.size() != 4) continue;
      answer.addresses.push_back(IpAddress::v4(dns::load32(dns::bytes_of(record.rdata))));
      ttl_s = std::min(ttl_s, record.ttl_s);
    }
    if (answer.addresses.empty()) {
      send();  // SERVFAIL, REFUSED, no data: somebody else may know
      continue;
    }
    answer.until = lane_.clock.now() + std::chrono::seconds(ttl_s);
    settle(std::move(answer));
  }
}

void StubResolver::settle(Answer answer) {
  impatient_->disarm();
  asked_count_ = 0;
  if (!answer.addresses.empty()) answer_ = answer;
  for (const Done& done : std::exchange(waiting_, {})) done(answer);
}

}  // namespace sealane::play::drill
