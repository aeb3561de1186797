// SPDX-License-Identifier: Apache-2.0
#include "play/drill/turn_user.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace sealane::play::drill {

TurnUser::TurnUser(port::Lane& lane, const plan::Plan& plan, Options options,
                   StubResolver& resolver, Observations& seen)
    : lane_(lane),
      plan_(plan),
      options_(std::move(options)),
      resolver_(resolver),
      seen_(seen),
      pool_(lane, options_.connect, *this),
      next_(lane.timers.make([this] { is_asking_ ? resolve(true) : begin(); })),
      deadline_(lane.timers.make([this] { failed(); })) {}

void TurnUser::start() {
  is_running_ = true;
  next_->arm_at(lane_.clock.now());
}

void TurnUser::release() {
  if (std::exchange(is_released_, true) || is_asking_) return;
  if (options_.is_ten && is_running_ && !is_over()) next_->arm_at(lane_.clock.now());
}

void TurnUser::stop() {
  is_running_ = false;
  next_->disarm();
  deadline_->disarm();
  pool_.close_all();
  connection_ = nullptr;
  if (std::exchange(is_asking_, false)) seen_.add(turn_);
}

std::string TurnUser::id() const { return fmt::format("{}-{}", options_.session, turn_.number); }

void TurnUser::begin() {
  const size_t done = acknowledged_.size();
  if (is_over() || done >= kTurnsMax) return;
  if (options_.is_ten && done >= kHoldAfter && !is_released_) return;
  turn_ = {.intended = lane_.clock.now(),
           .near = options_.near,
           .user = options_.user,
           .is_ten = options_.is_ten,
           .number = uint32_t(done + 1)};
  is_asking_ = true;
  resolve(false);
}

void TurnUser::resolve(bool anew) {
  resolver_.ask(anew, [this](const StubResolver::Answer& answer) { connect(answer); });
}

void TurnUser::connect(const StubResolver::Answer& answer) {
  if (!is_running_ || !is_asking_ || connection_ != nullptr) return;
  ++turn_.try_count;
  if (answer.addresses.empty()) return failed();
  const SocketAddress to{answer.addresses.front(), options_.port};
  pool_.close_idle_unless([&](const SocketAddress& other) { return other == to; });
  connection_ = pool_.get(to);
  if (connection_ == nullptr) return failed();
  body_.clear();
  const std::string body =
      fmt::format(R"({{"prompt":"This is turn {}: what is {} times 7?","sessionId":"{}"}})",
                  turn_.number, turn_.number, options_.session);
  deadline_->arm_at(lane_.clock.now() + options_.connect.timeout);
  const std::string cookie = cookie_.empty() ? "" : fmt::format("Cookie: {}\r\n", cookie_);
  connection_->send(fmt::format("POST /agent HTTP/1.1\r\nHost: {}\r\nUser-Agent: sealane-drill\r\n"
                                "Accept: application/json\r\nContent-Type: application/json\r\n{}"
                                "Idempotency-Key: {}\r\nContent-Length: {}\r\n\r\n{}",
                                plan_.domain, cookie, id(), body.size(), body));
}

void TurnUser::failed() {
  if (HttpConnection* connection = std::exchange(connection_, nullptr)) connection->close();
  pool_.sweep_soon();
  deadline_->disarm();
  next_->arm_at(lane_.clock.now() + kRepeatAfter);
}

// One cookie is all that an edge gives.
void TurnUser::on_head(HttpConnection& connection, const wire::http::ResponseHead& head) {
  const auto given = wire::http::find(head.fields, "set-cookie");
  if (&connection != connection_ || !given) return;
  const std::string_view pair = given->substr(0, given->find(';'));
  if (pair.size() <= kCookieBytesMax) cookie_ = pair;
}

void TurnUser::on_body(HttpConnection& connection, std::string_view bytes) {
  if (&connection == connection_ && body_.size() + bytes.size() <= kReplyBytesMax) body_ += bytes;
}

void TurnUser::on_answer(HttpConnection& connection, uint16_t status) {
  pool_.sweep_soon();
  if (&connection != connection_) return;
  if (status != 200) return failed();
  connection_ = nullptr;
  deadline_->disarm();
  taken(std::exchange(body_, {}));
}

// {"turns":7,"region":"eu-west-1",...}; an agent that does not count turns keeps no conversations.
void TurnUser::taken(const std::string& body) {
  const auto reply = nlohmann::json::parse(body, nullptr, false);
  const auto turns = reply.is_object() ? reply.find("turns") : reply.end();
  if (!reply.is_object() || turns == reply.end() || !turns->is_number_unsigned()) return failed();
  const Instant now = lane_.clock.now();
  const auto name = reply.find("region");
  const auto region = name != reply.end() && name->is_string()
                          ? plan_.find_region(name->get<std::string>())
                          : std::nullopt;
  turn_.served_by = region ? *region : kNowhere;
  turn_.wait = now - turn_.intended;
  turn_.turn_count = turns->get<uint32_t>();
  turn_.is_acknowledged = true;
  turn_.is_stale = turn_.turn_count <= highest_count_;
  highest_count_ = std::max(highest_count_, turn_.turn_count);
  acknowledged_.push_back(id());
  is_asking_ = false;
  seen_.add(turn_);
  next_->arm_at(std::max(now, turn_.intended + options_.gap));
}

void TurnUser::on_gone(HttpConnection& connection, Failure, bool during_request) {
  pool_.sweep_soon();
  if (&connection == connection_ && during_request) failed();
}

}  // namespace sealane::play::drill
