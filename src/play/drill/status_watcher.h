// SPDX-License-Identifier: Apache-2.0
// Asks one node for GET /status again and again, and writes down every change of its view.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "play/drill/http_connection.h"
#include "play/drill/node_status.h"

namespace sealane::play::drill {

class StatusWatcher final : HttpConnection::User {
 public:
  struct Options {
    plan::EndpointId node{};
    port::ConnectOptions connect;  // timeout: of one question as a whole
    Duration interval = 10ms;      // between an answer and the next question
    Duration pause = 100ms;        // after a question that failed
  };
  StatusWatcher(port::Lane& lane, const plan::Plan& plan, Options options, Observations& seen);
  void start() { ask(); }
  void stop();
  // The node answered its last question, is ready, and sees everything healthy.
  bool is_well() const { return well_; }
  plan::EndpointId node() const { return options_.node; }
  // Why not, for people; empty when it is well.
  const std::string& trouble() const { return trouble_; }

 private:
  struct Known {
    bool seen = false, healthy = false;
  };
  void ask();
  void fail(std::string why);
  void take(const NodeStatus& status);
  void set_reachable(bool reachable);
  void on_body(HttpConnection&, std::string_view bytes) override;
  void on_answer(HttpConnection&, uint16_t status) override;
  void on_gone(HttpConnection&, Failure why, bool during_request) override;

  port::Lane& lane_;
  const plan::Plan& plan_;
  const Options options_;
  Observations& seen_;
  ConnectionPool pool_;
  HttpConnection* connection_ = nullptr;
  std::string body_;
  Instant asked_, last_look_;
  std::vector<Known> known_;  // by EndpointId
  std::optional<bool> reachable_;
  bool well_ = false;
  std::string trouble_ = "not asked yet";
  std::unique_ptr<port::Timer> tick_, deadline_;
};

}  // namespace sealane::play::drill
