// SPDX-License-Identifier: Apache-2.0
#include "sim/fabric.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "sim/lane.h"

namespace sealane::sim {

bool subject_matches(std::string_view pattern, std::string_view subject) {
  while (true) {
    const size_t end = pattern.find('.'), at = subject.find('.');
    const std::string_view token = pattern.substr(0, end);
    if (token == ">") return !subject.empty();
    if (token != "*" && token != subject.substr(0, at)) return false;
    if (end == pattern.npos || at == subject.npos) return end == at;
    pattern.remove_prefix(end + 1);
    subject.remove_prefix(at + 1);
  }
}

// ── the fabric of one process ────────────────────────────────────────────────────────────────────

class FabricImpl final : public port::Fabric, public std::enable_shared_from_this<FabricImpl> {
 public:
  FabricImpl(Messaging& messaging, Node& node, unsigned lane, uint64_t id)
      : messaging_(messaging),
        node_(node),
        timers_(node.lane(lane).timers),
        id_(id),
        answers_("_INBOX." + std::to_string(id) + ".") {}

  std::unique_ptr<Subscription> subscribe(std::string_view subject, Handler handler) override;
  bool publish(std::string_view subject, std::span<const std::string_view> parts) override {
    return send(subject, {}, parts);
  }
  void request(std::string_view subject, std::string_view bytes, Duration timeout,
               std::function<void(Result<std::string_view>)> done) override;
  bool is_connected() const override { return line().is_up(); }

  void changed(bool up);
  void arrived(const Frame& frame);
  void unsubscribe(uint64_t number);
  void close();

 private:
  using Done = std::function<void(Result<std::string_view>)>;
  struct Request {
    Done done;
    std::unique_ptr<port::Timer> timer;
  };
  static constexpr uint64_t kAnswers = 0;  // the subscription of our requests

  bool send(std::string_view subject, std::string reply_to,
            std::span<const std::string_view> parts);
  void answer(uint64_t request, Result<std::string_view> with);
  void later(Done done, Error error);
  Messaging::Client& client() const { return messaging_.clients_.at(id_); }
  Line& line() const { return *client().line; }

  Messaging& messaging_;
  Node& node_;
  port::Timers& timers_;
  const uint64_t id_;
  const std::string answers_;  // prefix of the subjects that our requests are answered to
  uint64_t last_subscription_ = 0, last_request_ = 0;
  std::map<uint64_t, std::pair<std::string, std::shared_ptr<Handler>>> subscriptions_;
  std::map<uint64_t, Request> requests_;
};

namespace {

class SubscriptionImpl final : public port::Fabric::Subscription {
 public:
  SubscriptionImpl(FabricImpl& fabric, uint64_t number) : fabric_(fabric), number_(number) {}
  ~SubscriptionImpl() override { fabric_.unsubscribe(number_); }

 private:
  FabricImpl& fabric_;
  const uint64_t number_;
};

// What a boot function owns: events that are under way keep the inner one alive.
class FabricHandle final : public port::Fabric {
 public:
  explicit FabricHandle(std::shared_ptr<FabricImpl> inner) : inner_(std::move(inner)) {}
  ~FabricHandle() override { inner_->close(); }
  std::unique_ptr<Subscription> subscribe(std::string_view subject, Handler handler) override {
    return inner_->subscribe(subject, std::move(handler));
  }
  using Fabric::publish;
  bool publish(std::string_view subject, std::span<const std::string_view> parts) override {
    return inner_->publish(subject, parts);
  }
  void request(std::string_view subject, std::string_view bytes, Duration timeout,
               std::function<void(Result<std::string_view>)> done) override {
    inner_->request(subject, bytes, timeout, std::move(done));
  }
  bool is_connected() const override { return inner_->is_connected(); }

 private:
  std::shared_ptr<FabricImpl> inner_;
};

}  // namespace

std::unique_ptr<port::Fabric::Subscription> FabricImpl::subscribe(std::string_view subject,
                                                                  Handler handler) {
  SL_ASSERT(port::is_subject(subject, true));
  const uint64_t number = ++last_subscription_;
  subscriptions_[number] = {std::string(subject), std::make_shared<Handler>(std::move(handler))};
  auto envelope = std::make_shared<Envelope>(Envelope{std::string(subject), {}, {}});
  line().send(0, {Frame::Kind::subscribe, number, std::move(envelope)});
  return std::make_unique<SubscriptionImpl>(*this, number);
}

void FabricImpl::unsubscribe(uint64_t number) {
  subscriptions_.erase(number);
  line().send(0, {Frame::Kind::unsubscribe, number, nullptr});
}

bool FabricImpl::send(std::string_view subject, std::string reply_to,
                      std::span<const std::string_view> parts) {
  auto envelope = std::make_shared<Envelope>();
  for (const std::string_view part : parts) envelope->bytes += part;
  if (!port::is_subject(subject, false) || envelope->bytes.size() > kMessageBytesMax) return false;
  if (line().held_bytes(0) + envelope->bytes.size() > kSendBytesMax) return false;
  envelope->subject = subject;
  envelope->reply_to = std::move(reply_to);
  return line().send(0, {Frame::Kind::message, 0, std::move(envelope)});
}

void FabricImpl::request(std::string_view subject, std::string_view bytes, Duration timeout,
                         Done done) {
  if (!port::is_subject(subject, false) || bytes.size() > kMessageBytesMax) {
    return later(std::move(done),
                 {Code::invalid, "a request of this subject or size cannot be sent"});
  }
  if (requests_.size() >= kRequestsMax) {
    return later(std::move(done), {Code::limit, "too many requests wait for their answers"});
  }
  const uint64_t number = ++last_request_;
  if (!send(subject, answers_ + std::to_string(number), std::span(&bytes, 1))) {
    return later(std::move(done), {Code::unavailable, "not connected to the messaging server"});
  }
  Request& request = requests_[number];
  request.done = std::move(done);
  request.timer = timers_.make(
      [this, number] { answer(number, fail(Code::timeout, "no answer to the request")); });
  request.timer->arm_at(node_.local(messaging_.world_.now()) + timeout);
}

void FabricImpl::answer(uint64_t request, Result<std::string_view> with) {
  auto node = requests_.extract(request);
  if (node) node.mapped().done(with);
}

void FabricImpl::later(Done done, Error error) {
  World& world = messaging_.world_;
  world.on_process(node_, world.now(),
                   [self = weak_from_this(), done = std::move(done), error = std::move(error)] {
                     const auto fabric = self.lock();
                     if (fabric && fabric->messaging_.clients_.contains(fabric->id_))
                       done(std::unexpected(error));
                   });
}

void FabricImpl::changed(bool up) {
  if (up) {
    auto& known = client().subscriptions;
    known.clear();
    known[kAnswers] = answers_ + "*";
    for (const auto& [number, subscription] : subscriptions_) known[number] = subscription.first;
    return;
  }
  client().subscriptions.clear();
  auto lost = std::exchange(requests_, {});
  for (auto& [number, request] : lost) {
    later(std::move(request.done),
          {Code::unavailable, "the connection to the messaging server broke"});
  }
}

void FabricImpl::arrived(const Frame& frame) {
  const Envelope& envelope = *frame.envelope;
  if (frame.subscription != kAnswers) {
    const auto it = subscriptions_.find(frame.subscription);
    if (it == subscriptions_.end()) return;
    const auto handler = it->second.second;  // it may end its own subscription
    return (*handler)({envelope.subject, envelope.reply_to, envelope.bytes});
  }
  uint64_t number = 0;
  const std::string_view text = std::string_view(envelope.subject).substr(answers_.size());
  std::from_chars(text.data(), text.data() + text.size(), number);
  if (frame.kind == Frame::Kind::nobody_listens) {
    return answer(number, fail(Code::unavailable, "nobody listens to this request"));
  }
  answer(number, envelope.bytes);
}

void FabricImpl::close() {
  SL_ASSERT(subscriptions_.empty());
  requests_.clear();
  line().close();
  messaging_.clients_.erase(id_);
}

// ── the brokers ──────────────────────────────────────────────────────────────────────────────────

Messaging::~Messaging() = default;

Node* Messaging::broker_at(const IpAddress& ip) const {
  const auto it = std::ranges::find_if(brokers_, [&](Node* b) { return b->address() == ip; });
  return it == brokers_.end() ? nullptr : *it;
}

Node& Messaging::add_broker(std::string name, const IpAddress& ip) {
  Node& fresh = world_.add_node({.name = std::move(name), .addresses = {ip}});
  for (Node* other : brokers_) {
    auto end = [&](Node* node) {
      return Line::End{
          node->address(), [node] { return node; },
          [this, node](const Frame& frame) { hand_out(node->address(), 0, frame.envelope); }};
    };
    auto line = std::make_shared<Line>(world_, dice_.fork(), end(other), end(&fresh), [](bool) {});
    line->begin();
    gateways_.push_back({other, &fresh, std::move(line)});
  }
  brokers_.push_back(&fresh);
  return fresh;
}

std::unique_ptr<port::Fabric> Messaging::open(Node& node, const IpAddress& broker, unsigned lane) {
  const uint64_t id = ++last_client_;
  auto fabric = std::make_shared<FabricImpl>(*this, node, lane, id);
  FabricImpl* plain = fabric.get();  // the line is closed before it goes
  Client& client = clients_[id];
  client.node = &node;
  client.broker = broker;
  client.line =
      std::make_shared<Line>(world_, dice_.fork(),
                             Line::End{node.address(), [&node] { return &node; },
                                       [plain](const Frame& frame) { plain->arrived(frame); }},
                             Line::End{broker, [this, broker] { return broker_at(broker); },
                                       [this, id](const Frame& frame) { at_broker(id, frame); }},
                             [plain](bool up) { plain->changed(up); });
  client.line->begin();
  return std::make_unique<FabricHandle>(std::move(fabric));
}

void Messaging::at_broker(uint64_t id, const Frame& frame) {
  Client& client = clients_.at(id);
  switch (frame.kind) {
    case Frame::Kind::subscribe:
      client.subscriptions[frame.subscription] = frame.envelope->subject;
      return;
    case Frame::Kind::unsubscribe:
      client.subscriptions.erase(frame.subscription);
      return;
    case Frame::Kind::message:
      return route(id, frame.envelope);
    case Frame::Kind::nobody_listens:
      return;
  }
}

void Messaging::route(uint64_t publisher, const std::shared_ptr<const Envelope>& envelope) {
  const Client& from = clients_.at(publisher);
  bool heard = hand_out(from.broker, publisher, envelope);
  for (const Gateway& gateway : gateways_) {
    const int side = gateway.a->address() == from.broker ? 0 : 1;
    const Node& near = side == 0 ? *gateway.a : *gateway.b;
    const Node& far = side == 0 ? *gateway.b : *gateway.a;
    if (near.address() != from.broker || !gateway.line->is_up()) continue;
    if (!has_listener(far.address(), publisher, envelope->subject)) continue;
    heard |= gateway.line->send(side, {Frame::Kind::message, 0, envelope});
  }
  if (heard || envelope->reply_to.empty()) return;
  auto back = std::make_shared<Envelope>(Envelope{envelope->reply_to, {}, {}});
  from.line->send(1, {Frame::Kind::nobody_listens, 0, std::move(back)});
}

bool Messaging::hand_out(const IpAddress& broker, uint64_t publisher,
                         const std::shared_ptr<const Envelope>& envelope) {
  bool heard = false;
  for (auto& [id, client] : clients_) {
    if (id == publisher || client.broker != broker) continue;
    for (const auto& [number, subject] : client.subscriptions) {
      if (!subject_matches(subject, envelope->subject)) continue;
      heard |= client.line->send(1, {Frame::Kind::message, number, envelope});
    }
  }
  return heard;
}

bool Messaging::has_listener(const IpAddress& broker, uint64_t publisher,
                             std::string_view subject) const {
  return std::ranges::any_of(clients_, [&](const auto& entry) {
    const auto& [id, client] = entry;
    return id != publisher && client.broker == broker &&
           std::ranges::any_of(client.subscriptions, [&](const auto& subscription) {
             return subject_matches(subscription.second, subject);
           });
  });
}

bool Messaging::is_joined(const Node& a, const Node& b) const {
  return std::ranges::any_of(gateways_, [&](const Gateway& gateway) {
    return gateway.line->is_up() &&
           ((gateway.a == &a && gateway.b == &b) || (gateway.a == &b && gateway.b == &a));
  });
}

void Messaging::node_died(const Node& node, bool host_stays) {
  for (const Gateway& gateway : gateways_) {
    if (gateway.a == &node || gateway.b == &node) gateway.line->end_died(host_stays);
  }
  for (auto& [id, client] : clients_) {
    if (client.node == &node || broker_at(client.broker) == &node)
      client.line->end_died(host_stays);
  }
}

}  // namespace sealane::sim
