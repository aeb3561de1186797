// SPDX-License-Identifier: Apache-2.0
#include "play/drill/turn_reader.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace sealane::play::drill {

using nlohmann::json;

TurnReader::TurnReader(port::Lane& lane, const plan::Plan& plan, Options options,
                       Observations& seen)
    : lane_(lane),
      plan_(plan),
      options_(std::move(options)),
      seen_(seen),
      pool_(lane, options_.connect, *this),
      next_(lane.timers.make([this] { connection_ != nullptr ? again() : ask(); })) {}

void TurnReader::start() {
  conversation_ = {.near = options_.near,
                   .in = options_.in,
                   .user = options_.user,
                   .is_ten = options_.is_ten,
                   .acknowledged_count = uint32_t(options_.acknowledged.size()),
                   .missing_count = uint32_t(options_.acknowledged.size())};
  until_ = lane_.clock.now() + kReadMax;
  ask();
}

void TurnReader::ask() {
  if (lane_.clock.now() >= until_) return finish();
  connection_ = pool_.get(options_.node);
  if (connection_ == nullptr) return again();
  body_.clear();
  next_->arm_at(lane_.clock.now() + options_.connect.timeout);
  connection_->send(
      fmt::format("GET /sessions/{} HTTP/1.1\r\nHost: {}\r\nUser-Agent: sealane-drill\r\n"
                  "Accept: application/json\r\n\r\n",
                  options_.session, plan_.domain));
}

void TurnReader::again() {
  if (HttpConnection* connection = std::exchange(connection_, nullptr)) connection->close();
  pool_.sweep_soon();
  next_->arm_at(lane_.clock.now() + kAgain);
}

void TurnReader::finish() {
  next_->disarm();
  pool_.close_all();
  done_ = true;
  seen_.add(conversation_);
}

void TurnReader::on_body(HttpConnection& connection, std::string_view bytes) {
  if (&connection == connection_ && body_.size() + bytes.size() <= kBytesMax) body_ += bytes;
}

// {"region":"eu-west-1","conversation":[{"id":"..."}...]}; from another region it says nothing
// about this one.
void TurnReader::on_answer(HttpConnection& connection, uint16_t status) {
  if (&connection != connection_) return;
  const json answer = json::parse(body_, nullptr, false);
  const std::string& region = plan_.region(options_.in).name;
  if (status != 200 || !answer.is_object() || !answer.contains("region") ||
      answer["region"] != region || !answer.contains("conversation") ||
      !answer["conversation"].is_array()) {
    return again();
  }
  std::set<std::string> there;
  for (const json& turn : answer["conversation"]) {
    if (turn.is_object() && turn.contains("id") && turn["id"].is_string())
      there.insert(turn["id"].get<std::string>());
  }
  conversation_.is_read = true;
  conversation_.there_count = uint32_t(answer["conversation"].size());
  conversation_.missing_count = 0;
  for (const std::string& id : options_.acknowledged)
    conversation_.missing_count += !there.contains(id);
  if (conversation_.missing_count > 0) return again();
  finish();
}

void TurnReader::on_gone(HttpConnection& connection, Failure, bool during_request) {
  if (&connection == connection_ && during_request) again();
}

}  // namespace sealane::play::drill
