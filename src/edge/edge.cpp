// SPDX-License-Identifier: Apache-2.0
#include "edge/edge.h"

namespace sealane::edge {

Edge::Edge(port::Lane& lane, const Published<plan::Plan>& plan, const Published<view::View>& view,
           Options options)
    : context_(lane, plan, view, std::move(options)), clients_(context_) {
  context_.seat->inbox = &lane.inbox;
  context_.seat->edge = this;
  context_.shared.join(context_.seat);
}

Edge::~Edge() {
  context_.shared.leave(context_.seat);
  context_.seat->edge = nullptr;
}

Status Edge::start(bool https) {
  const plan::Ports& ports = context_.plan().ports;
  const auto accept = [this](std::unique_ptr<port::Stream> stream) {
    clients_.accept(std::move(stream));
  };
  SL_TRY(http_, context_.lane.net.listen({context_.options.address, ports.http}, {}, accept));
  if (https) {
    SL_TRY(https_, context_.lane.net.listen({context_.options.address, ports.https}, {.tls = true},
                                            accept));
  }
  return {};
}

void Edge::drain() {
  http_.reset();
  https_.reset();
  clients_.drain();
}

uint64_t Edge::purge(std::string_view service, std::string_view pattern) {
  return context_.index.purge(service, pattern);
}

void Edge::take_stored(const cache::Key& key, const std::shared_ptr<const cache::Stored>& stored) {
  context_.index.put(key, stored);
}

void Edge::drop_stored(const cache::Key& key) { context_.index.purge(key); }

}  // namespace sealane::edge
