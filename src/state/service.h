// SPDX-License-Identifier: Apache-2.0
// The shell of the state API: from a signed HTTP request to an operation (api/) and back. It waits
// where waiting is due: for the writes that a session has seen (x-sealane-session), for the disk,
// for another region (ack: remote).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "port/lane.h"
#include "serve/server.h"
#include "state/api/api.h"
#include "state/engine.h"
#include "state/front.h"
#include "state/replica/replicator.h"

namespace sealane::state {

class Service final : public serve::Handler {
 public:
  struct Options {
    std::string region;
    std::vector<std::string> regions{};  // of the world: what a signature may be scoped to
    std::vector<std::string> keepers{};  // of these: those that keep tables
    std::shared_ptr<const wire::AwsKeyring> keys;
    Duration stale_after = 300ms;   // how long a request waits for what its session has seen
    Duration ack_timeout = 5s;      // how long a write waits for the disk and for another region
  };
  Service(port::Lane& lane, Engine& engine, Replicator& replicator, Options options);
  ~Service() override;

  void on_request(const serve::Request& request, serve::Responder responder) override;
  serve::Answer word_refusal(uint16_t status, std::string_view what, std::string& text) override;
  void set_regions(std::vector<std::string> regions, std::vector<std::string> keepers) {
    front_.set_regions(std::move(regions));
    options_.keepers = std::move(keepers);
  }
  void set_keys(std::shared_ptr<const wire::AwsKeyring> keys) { front_.set_keys(std::move(keys)); }

 private:
  struct Waiting;  // a request on its way
  struct Marks;
  static api::Outcome<void> read_wishes(Waiting& waiting);
  void run(const std::shared_ptr<Waiting>& waiting);
  void finish(const std::shared_ptr<Waiting>& waiting);
  bool is_in_two_regions(const Position& written) const;
  void show(const std::shared_ptr<Waiting>& waiting);
  void refuse(const serve::Responder& responder, const api::Failure& why) {
    front_.refuse(responder, why);
  }
  // Of an operation that ran: what it may have shown or done is in the token.
  void refuse(const Waiting& waiting, const api::Failure& why);
  void refuse_as_stale(const Waiting& waiting);
  void send(const Waiting& waiting);
  std::string_view token_after(const table::Vector& seen);

  port::Lane& lane_;
  Engine& engine_;
  Replicator& replicator_;
  Options options_;
  Front front_;
  simdjson::dom::parser parser_;
  std::string padded_;
  std::string token_;         // of token_of_; most answers are given with the same one as the last
  table::Vector token_of_;
  std::shared_ptr<bool> alive_;
  port::Counter& stale_counter_;
};

}  // namespace sealane::state
