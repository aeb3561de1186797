// SPDX-License-Identifier: Apache-2.0
#include "host/nats_fabric.h"

#include <fmt/format.h>

#include <charconv>

#include "host/lane.h"

namespace sealane::host {

class NatsFabric::OneSubscription final : public Subscription {
 public:
  OneSubscription(NatsFabric& fabric, uint64_t number) : fabric_(fabric), number_(number) {}
  ~OneSubscription() override {
    fabric_.handlers_.erase(number_);
    fabric_.link_->unsubscribe(number_);
  }

 private:
  NatsFabric& fabric_;
  const uint64_t number_;
};

// Nobody else can guess where our answers go.
NatsFabric::NatsFabric(port::Lane& lane)
    : lane_(lane),
      sent_(lane.meter.counter("sealane_fabric_sent_total")),
      received_(lane.meter.counter("sealane_fabric_received_total")),
      dropped_(lane.meter.counter("sealane_fabric_dropped_total")),
      lost_(lane.meter.counter("sealane_fabric_connections_lost_total")),
      answers_(fmt::format("_INBOX.{:016x}{:016x}.", random_seed(), random_seed())),
      alive_(std::make_shared<Alive>(this)),
      failed_timer_(lane.timers.make([this] { tell_failed(); })) {}

Result<std::unique_ptr<NatsFabric>> NatsFabric::open(const NatsOptions& options, port::Lane& lane) {
  std::unique_ptr<NatsFabric> fabric(new NatsFabric(lane));
  auto wake = [alive = fabric->alive_] {
    if (alive->fabric != nullptr) alive->fabric->hear(alive);
  };
  SL_TRY(fabric->link_, NatsLink::open(options, lane.inbox, std::move(wake)));
  fabric->link_->subscribe(kAnswers, fabric->answers_ + "*");
  return fabric;
}

NatsFabric::~NatsFabric() {
  SL_ASSERT(handlers_.empty());
  alive_->fabric = nullptr;
}

std::unique_ptr<port::Fabric::Subscription> NatsFabric::subscribe(std::string_view subject,
                                                                  Handler handler) {
  SL_ASSERT(port::is_subject(subject, true));
  const uint64_t number = ++last_subscription_;
  handlers_[number] = std::make_shared<Handler>(std::move(handler));
  link_->subscribe(number, subject);
  return std::make_unique<OneSubscription>(*this, number);
}

bool NatsFabric::publish(std::string_view subject, std::span<const std::string_view> parts) {
  size_t bytes = 0;
  for (const std::string_view part : parts) bytes += part.size();
  if (!port::is_subject(subject) || bytes > kMessageBytesMax) return false;
  const bool sent = link_->publish(subject, {}, parts);
  if (sent) sent_.add();
  return sent;
}

void NatsFabric::request(std::string_view subject, std::string_view bytes, Duration timeout,
                         Done done) {
  if (!port::is_subject(subject) || bytes.size() > kMessageBytesMax) {
    return fail_later(std::move(done),
                      {Code::invalid, "a request of this subject or size cannot be sent"});
  }
  if (requests_.size() >= kRequestsMax) {
    return fail_later(std::move(done), {Code::limit, "too many requests wait for their answers"});
  }
  const uint64_t number = ++last_request_;
  if (!link_->publish(subject, answers_ + std::to_string(number), std::span(&bytes, 1))) {
    return fail_later(std::move(done),
                      {Code::unavailable, "not connected to the messaging server"});
  }
  sent_.add();
  Request& request = requests_[number];
  request.done = std::move(done);
  request.timer = lane_.timers.make(
      [this, number] { answer(number, fail(Code::timeout, "no answer to the request")); });
  request.timer->arm_at(lane_.clock.now() + timeout);
}

void NatsFabric::answer(uint64_t request, Result<std::string_view> with) {
  auto node = requests_.extract(request);  // it may ask again, or end us
  if (node) node.mapped().done(with);
}

void NatsFabric::fail_later(Done done, Error error) {
  failed_.emplace_back(std::move(done), std::move(error));
  if (failed_.size() == 1) failed_timer_->arm_at(lane_.clock.now());
}

void NatsFabric::tell_failed() {
  const auto now = std::exchange(failed_, {});
  const auto alive = alive_;
  for (const auto& [done, error] : now) {
    if (alive->fabric == nullptr) return;
    done(std::unexpected(error));
  }
}

void NatsFabric::hear(const std::shared_ptr<Alive>& alive) {
  const NatsLink::News news = link_->take();
  received_.add(news.messages.size());
  if (news.dropped_count > 0) dropped_.add(news.dropped_count);
  if (!news.error.empty()) {
    lane_.log.line(port::Level::warn, "fabric_error", fmt::format("what=\"{}\"", news.error));
  }
  for (const NatsLink::Arrived& arrived : news.messages) {
    deliver(arrived);
    if (alive->fabric == nullptr) return;
  }
  if (!news.connection_lost) return;
  lost_.add();
  lane_.log.line(port::Level::warn, "fabric_connection_lost", "");
  for (auto& [number, request] : std::exchange(requests_, {})) {
    fail_later(std::move(request.done),
               {Code::unavailable, "the connection to the messaging server broke"});
  }
}

void NatsFabric::deliver(const NatsLink::Arrived& arrived) {
  const NatsMessageParts parts = parts_of(arrived.message);
  if (arrived.subscription == kAnswers) return deliver_answer(parts);
  const auto it = handlers_.find(arrived.subscription);
  if (it == handlers_.end()) return;                    // ended while this was on its way
  const std::shared_ptr<Handler> handler = it->second;  // it may end its own subscription
  (*handler)({parts.subject, parts.reply_to, parts.bytes});
}

void NatsFabric::deliver_answer(const NatsMessageParts& parts) {
  if (!parts.subject.starts_with(answers_)) return;
  const std::string_view text = parts.subject.substr(answers_.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return;
  if (parts.nobody_listens) {
    return answer(number, fail(Code::unavailable, "nobody listens to this request"));
  }
  answer(number, parts.bytes);
}

}  // namespace sealane::host
