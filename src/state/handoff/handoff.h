// SPDX-License-Identifier: Apache-2.0
// The role `state` for tables that another server keeps: DynamoDB's API behind this node's own
// front, each request handed on to that server signed anew, and its answer handed back as it came.
// The agents know one address and one key, wherever the tables are.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "port/lane.h"
#include "port/names.h"
#include "serve/server.h"
#include "state/front.h"
#include "state/handoff/caller.h"
#include "state/handoff/declarer.h"

namespace sealane::state {

class Handoff final : public serve::Handler {
 public:
  struct Options {
    std::string region;                            // of this node
    // of the world: what a signature may be scoped to
    std::vector<std::string> regions;
    std::shared_ptr<const wire::AwsKeyring> keys;  // of its clients
    Caller::Options caller;
    serve::Limits limits;
  };
  // Lives on this lane; `names` outlives it.
  Handoff(port::Lane& lane, port::Names& names, Options options);
  ~Handoff() override;

  Result<SocketAddress> listen(const SocketAddress& at, const port::ListenOptions& options = {}) {
    return server_.listen(at, options);
  }
  void set_regions(std::vector<std::string> regions) { front_.set_regions(std::move(regions)); }
  void set_keys(std::shared_ptr<const wire::AwsKeyring> keys) { front_.set_keys(std::move(keys)); }
  void drain();
  size_t pending_count() const { return server_.pending_count(); }
  Caller& caller() { return caller_; }
  Declarer& declarer() { return declarer_; }

  void on_request(const serve::Request& request, serve::Responder responder) override;
  serve::Answer word_refusal(uint16_t status, std::string_view what, std::string& text) override;

 private:
  void answer(const serve::Responder& responder, const Result<Reply>& reply);

  Front front_;
  Caller caller_;
  Declarer declarer_;
  serve::Server server_;
};

// Whether an operation changes nothing: a read-only key may ask for it, and it may be sent twice.
// Of what AWS adds one day only the names tell.
bool is_read(std::string_view operation);

}  // namespace sealane::state
