// SPDX-License-Identifier: Apache-2.0
// Any bytes as a query to a name server with a full world: no answer, or one that decodes and
// repeats the id.
#include "dns/fake_lane.h"
#include "dns/responder.h"
#include "dns/test_world.h"
#include "wire/dns/message.h"

namespace {

using namespace sealane;

struct Server {
  dns::TestWorld world;
  Dice dice{1};
  dns::FakeMeter meter;
  dns::Responder responder{{.nsid = "n", .cookie_secret = SipKey{1, 2}}, dice, meter};
  Server() { responder.adopt(dns::Authority::compile(world.plan), world.plan, world.view); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Server server;
  for (const dns::Transport transport : {dns::Transport::udp, dns::Transport::tcp}) {
    std::vector<uint8_t> reply(transport == dns::Transport::udp ? dns::kReplyBytesMin : 65535);
    const dns::Responder::Asker asker{.ip = IpAddress::v4(10, 1, 0, 1), .transport = transport};
    const size_t bytes = server.responder.answer({data, size}, asker, reply);
    if (bytes == 0) continue;
    const Result<wire::dns::Message> message =
        wire::dns::decode_message(std::span(reply).first(bytes));
    SL_ASSERT(message.has_value());
    SL_ASSERT(message->is(wire::dns::Flag::qr) && message->id == wire::dns::load16(data));
  }
  return 0;
}
