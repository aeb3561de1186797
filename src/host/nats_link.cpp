// SPDX-License-Identifier: Apache-2.0
#include "host/nats_link.h"

#include <fmt/format.h>
#include <nats/nats.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "port/fabric.h"

namespace sealane::host {
namespace {

constexpr Duration kFreshStart =
    1s;  // after the library gave up, as it does when a password is refused
constexpr size_t kTextKept = 1 << 20;
constexpr size_t kOrdersMax = 65536;
constexpr size_t kArrivedMax = 262144;

std::string error_of(natsStatus status, std::string_view what) {
  const char* details = nats_GetLastError(nullptr);
  return fmt::format("{}: {}{}{}", what, natsStatus_GetText(status),
                     details && *details ? ": " : "", details ? details : "");
}

}  // namespace

void NatsMessageFree::operator()(natsMsg* message) const { natsMsg_Destroy(message); }

NatsMessageParts parts_of(const NatsMessage& message) {
  const char* reply = natsMsg_GetReply(message.get());
  return {.subject = natsMsg_GetSubject(message.get()),
          .reply_to = reply ? reply : "",
          .bytes = {natsMsg_GetData(message.get()), size_t(natsMsg_GetDataLength(message.get()))},
          .nobody_listens = natsMsg_IsNoResponders(message.get())};
}

void NatsLink::Shared::wake_lane() {
  if (lane_knows || stopping) return;
  lane_knows = inbox->post(tell_lane);
  if (lane_knows) return;
  wake_failed = true;
  wake.notify_one();
}

// What the library calls, on its threads. A closure is freed when the library says that it has
// called it for the last time.
struct NatsLink::Callbacks {
  using Closure = std::shared_ptr<Shared>;
  struct OfSubscription {
    std::shared_ptr<Shared> shared;
    uint64_t number;
  };

  static void message(natsConnection*, natsSubscription*, natsMsg* raw, void* closure) {
    NatsMessage message(raw);
    const auto& of = *static_cast<OfSubscription*>(closure);
    Shared& shared = *of.shared;
    const size_t bytes = size_t(natsMsg_GetDataLength(raw));
    const LockGuard lock(shared.mu);
    if (shared.stopping) return;
    if (shared.arrived.size() >= kArrivedMax ||
        shared.arrived_bytes + bytes > port::Fabric::kReceiveBytesMax) {
      ++shared.dropped_count;
    } else {
      shared.arrived_bytes += bytes;
      shared.arrived.push_back({of.number, std::move(message)});
    }
    shared.wake_lane();
  }
  static void complete(void* closure) { delete static_cast<OfSubscription*>(closure); }

  // The state at this moment, whatever the event was: the last one of a series leaves the truth.
  // True: it was up and is not any more.
  static bool update(natsConnection* connection, Shared& shared) {
    const LockGuard lock(shared.state_mu);
    const bool up = natsConnection_Status(connection) == NATS_CONN_STATUS_CONNECTED;
    return shared.connected.exchange(up, std::memory_order_relaxed) && !up;
  }
  static void changed(natsConnection* connection, void* closure) {
    update(connection, **static_cast<Closure*>(closure));
  }
  static void disconnected(natsConnection* connection, void* closure) {
    Shared& shared = **static_cast<Closure*>(closure);
    update(connection, shared);
    tell(connection, shared, true, false);
  }
  static void closed(natsConnection* connection, void* closure) {
    const auto mine = std::unique_ptr<Closure>(static_cast<Closure*>(closure));
    Shared& shared = **mine;
    const bool was_up = update(connection, shared);
    tell(connection, shared, was_up, true);
  }
  static void tell(natsConnection* connection, Shared& shared, bool is_lost, bool is_closed) {
    const char* unsafe = nullptr;  // the library may rewrite it meanwhile
    const natsStatus why = natsConnection_GetLastError(connection, &unsafe);
    const LockGuard lock(shared.mu);
    shared.connection_lost |= is_lost;
    if (why != NATS_OK) shared.error = natsStatus_GetText(why);
    if (is_closed) {
      shared.closed = true;
      shared.wake.notify_one();
    }
    shared.wake_lane();
  }
  static void error(natsConnection*, natsSubscription*, natsStatus status, void* closure) {
    Shared& shared = **static_cast<Closure*>(closure);
    const LockGuard lock(shared.mu);
    shared.error = natsStatus_GetText(status);
    if (status == NATS_SLOW_CONSUMER) ++shared.dropped_count;
    shared.wake_lane();
  }
};

void NatsLink::OptionsFree::operator()(natsOptions* options) const { natsOptions_Destroy(options); }

Result<std::unique_ptr<NatsLink>> NatsLink::open(const NatsOptions& options, port::Inbox& inbox,
                                                 std::function<void()> wake) {
  natsOptions* raw = nullptr;
  natsStatus status = natsOptions_Create(&raw);
  OptionsPtr set(raw);
  std::string what = "nats";
  const auto apply = [&](std::string_view doing, auto&& call) {
    if (status != NATS_OK) return;
    status = call();
    if (status != NATS_OK) what = doing;
  };
  std::vector<const char*> servers;
  for (const std::string& url : options.servers) servers.push_back(url.c_str());
  if (servers.empty()) return fail(Code::invalid, "no nats-server to connect to");
  for (const std::string& text : {options.name, options.user, options.password, options.token}) {
    // cnats 3.4 puts them into the JSON of its CONNECT as they are.
    if (std::ranges::any_of(text,
                            [](char c) { return c == '"' || c == '\\' || uint8_t(c) < 0x20; })) {
      return fail(Code::invalid,
                  "no quotes, backslashes or control characters in the name, user, "
                  "password or token for a nats-server");
    }
  }
  apply("the URL of a nats-server",
        [&] { return natsOptions_SetServers(raw, servers.data(), int(servers.size())); });
  apply("name", [&] { return natsOptions_SetName(raw, options.name.c_str()); });
  if (!options.user.empty()) {
    apply("user", [&] {
      return natsOptions_SetUserInfo(raw, options.user.c_str(), options.password.c_str());
    });
  }
  if (!options.token.empty()) {
    apply("token", [&] { return natsOptions_SetToken(raw, options.token.c_str()); });
  }
  if (!options.ca_file.empty()) {
    apply("TLS", [&] { return natsOptions_SetSecure(raw, true); });
    apply(options.ca_file,
          [&] { return natsOptions_LoadCATrustedCertificates(raw, options.ca_file.c_str()); });
  }
  if (!options.cert_file.empty()) {
    apply(options.cert_file, [&] {
      return natsOptions_LoadCertificatesChain(raw, options.cert_file.c_str(),
                                               options.key_file.c_str());
    });
  }
  if (!options.tls_name.empty()) {
    apply("TLS name",
          [&] { return natsOptions_SetExpectedHostname(raw, options.tls_name.c_str()); });
  }
  const auto ms = [](Duration d) { return std::max<int64_t>(1, to_ms(d)); };
  apply("timeout", [&] { return natsOptions_SetTimeout(raw, ms(options.connect_timeout)); });
  apply("write deadline", [&] { return natsOptions_SetWriteDeadline(raw, 2000); });
  apply("ping", [&] { return natsOptions_SetPingInterval(raw, ms(options.ping_interval)); });
  apply("ping", [&] { return natsOptions_SetMaxPingsOut(raw, 2); });
  apply("reconnect", [&] { return natsOptions_SetMaxReconnect(raw, -1); });
  apply("reconnect", [&] { return natsOptions_SetReconnectWait(raw, ms(options.reconnect_wait)); });
  apply("reconnect", [&] {
    return natsOptions_SetReconnectJitter(raw, ms(options.reconnect_jitter),
                                          3 * ms(options.reconnect_jitter));
  });
  // At most once: what cannot be sent now is dropped, not sent later.
  apply("buffer", [&] { return natsOptions_SetReconnectBufSize(raw, 1); });
  apply("echo", [&] { return natsOptions_SetNoEcho(raw, true); });
  apply("order", [&] { return natsOptions_SetNoRandomize(raw, true); });
  // The library's flusher waits a millisecond for more to come.
  apply("flush", [&] { return natsOptions_SetSendAsap(raw, true); });
  // One thread for all subscriptions: fewer threads, and one order over all of them.
  apply("delivery", [&] { return natsOptions_UseGlobalMessageDelivery(raw, true); });
  if (status != NATS_OK) return fail(Code::invalid, error_of(status, what));

  auto shared = std::make_shared<Shared>(inbox);
  shared->tell_lane = std::move(wake);
  return std::unique_ptr<NatsLink>(new NatsLink(std::move(set), std::move(shared)));
}

NatsLink::NatsLink(OptionsPtr options, std::shared_ptr<Shared> shared)
    : options_(std::move(options)), shared_(std::move(shared)), thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "nats-send");
}

NatsLink::~NatsLink() {
  {
    const LockGuard lock(shared_->mu);
    shared_->stopping = true;
    shared_->arrived.clear();
  }
  shared_->wake.notify_one();
  thread_.join();
}

// ── the lane's side ──────────────────────────────────────────────────────────────────────────────

bool NatsLink::publish(std::string_view subject, std::string_view reply_to,
                       std::span<const std::string_view> parts) {
  if (!is_connected()) return false;
  size_t bytes = 0;
  for (const std::string_view part : parts) bytes += part.size();
  Shared& shared = *shared_;
  const LockGuard lock(shared.mu);
  Orders& orders = shared.orders;
  if (orders.list.size() >= kOrdersMax ||
      orders.publish_bytes + bytes > port::Fabric::kSendBytesMax) {
    ++shared.dropped_count;
    shared.wake_lane();
    return false;
  }
  const bool first = orders.list.empty();
  orders.publish_bytes += bytes;
  orders.list.push_back({.kind = Order::Kind::publish,
                         .subject_bytes = uint32_t(subject.size()),
                         .reply_bytes = uint32_t(reply_to.size()),
                         .payload_bytes = bytes,
                         .subscription = 0});
  orders.text.append(subject).push_back('\0');
  orders.text.append(reply_to).push_back('\0');
  for (const std::string_view part : parts) orders.text.append(part);
  if (first) shared.wake.notify_one();
  return true;
}

void NatsLink::subscribe(uint64_t subscription, std::string_view subject) {
  const LockGuard lock(shared_->mu);
  shared_->orders.list.push_back({.kind = Order::Kind::subscribe,
                                  .subject_bytes = uint32_t(subject.size()),
                                  .reply_bytes = 0,
                                  .payload_bytes = 0,
                                  .subscription = subscription});
  shared_->orders.text.append(subject).append(2, '\0');
  shared_->wake.notify_one();
}

void NatsLink::unsubscribe(uint64_t subscription) {
  const LockGuard lock(shared_->mu);
  shared_->orders.list.push_back({.kind = Order::Kind::unsubscribe,
                                  .subject_bytes = 0,
                                  .reply_bytes = 0,
                                  .payload_bytes = 0,
                                  .subscription = subscription});
  shared_->orders.text.append(2, '\0');
  shared_->wake.notify_one();
}

NatsLink::News NatsLink::take() {
  News news;
  Shared& shared = *shared_;
  const LockGuard lock(shared.mu);
  const size_t count = std::min(shared.arrived.size(), kBatchMax);
  news.messages.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    shared.arrived_bytes -= size_t(natsMsg_GetDataLength(shared.arrived.front().message.get()));
    news.messages.push_back(std::move(shared.arrived.front()));
    shared.arrived.pop_front();
  }
  news.connection_lost = std::exchange(shared.connection_lost, false);
  news.dropped_count = std::exchange(shared.dropped_count, 0);
  news.error = std::exchange(shared.error, {});
  shared.lane_knows = false;
  if (!shared.arrived.empty()) shared.wake_lane();
  return news;
}

// ── the thread's side ────────────────────────────────────────────────────────────────────────────

void NatsLink::run() {
  Shared& shared = *shared_;
  connect();
  Orders now;
  while (true) {
    bool stopping = false, fresh_start = false;
    {
      const LockGuard lock(shared.mu);
      while (shared.orders.list.empty() && !shared.stopping && !shared.closed && connection_) {
        if (std::exchange(shared.wake_failed, false)) shared.wake_lane();
        if (shared.wake_failed) {
          shared.wake.wait_for(shared.mu, std::chrono::milliseconds(1));
        } else {
          shared.wake.wait(shared.mu);
        }
      }
      if (!shared.stopping && (shared.closed || !connection_)) {
        shared.wake.wait_for(shared.mu, kFreshStart);
        fresh_start = !shared.stopping;
      }
      stopping = shared.stopping;
      std::swap(now, shared.orders);
    }
    if (fresh_start) disconnect();
    carry_out(now);
    now.list.clear();
    now.text.clear();
    now.publish_bytes = 0;
    if (now.text.capacity() > kTextKept) now = Orders{};  // a burst is not remembered for ever
    if (stopping) break;
    if (fresh_start) connect();
  }
  disconnect();
  nats_ReleaseThreadMemory();
}

void NatsLink::connect() {
  auto closure = std::make_unique<Callbacks::Closure>(shared_);
  natsOptions* raw = options_.get();
  natsOptions_SetRetryOnFailedConnect(raw, true, Callbacks::changed, closure.get());
  natsOptions_SetReconnectedCB(raw, Callbacks::changed, closure.get());
  natsOptions_SetDisconnectedCB(raw, Callbacks::disconnected, closure.get());
  natsOptions_SetClosedCB(raw, Callbacks::closed, closure.get());
  natsOptions_SetErrorHandler(raw, Callbacks::error, closure.get());
  {
    const LockGuard lock(shared_->mu);
    shared_->closed = false;
    if (shared_->stopping) return;
  }
  const natsStatus status = natsConnection_Connect(&connection_, raw);
  if (status != NATS_OK && status != NATS_NOT_YET_CONNECTED) {
    connection_ = nullptr;
    const LockGuard lock(shared_->mu);
    shared_->error = error_of(status, "cannot connect");
    shared_->wake_lane();
    return;
  }
  closure.release();  // Callbacks::closed frees it
  Callbacks::update(connection_, *shared_);
  for (auto& [number, entry] : subscriptions_) subscribe_now(number, entry.first);
}

void NatsLink::disconnect() {
  for (auto& [number, entry] : subscriptions_) {
    natsSubscription_Destroy(entry.second);
    entry.second = nullptr;
  }
  if (connection_ != nullptr) {
    natsConnection_Close(connection_);
    natsConnection_Destroy(connection_);
    connection_ = nullptr;
  }
}

void NatsLink::subscribe_now(uint64_t number, const std::string& subject) {
  natsSubscription*& subscription = subscriptions_[number].second;
  if (connection_ == nullptr) return;  // connect() makes up for it
  auto closure = std::make_unique<Callbacks::OfSubscription>(shared_, number);
  const natsStatus status = natsConnection_Subscribe(&subscription, connection_, subject.c_str(),
                                                     Callbacks::message, closure.get());
  if (status != NATS_OK) {
    subscription = nullptr;
    return;  // the connection is being closed, and the next one makes up for it
  }
  natsSubscription_SetOnCompleteCB(subscription, Callbacks::complete, closure.release());
  natsSubscription_SetPendingLimits(subscription, int(kArrivedMax),
                                    int(port::Fabric::kReceiveBytesMax));
}

void NatsLink::carry_out(const Orders& orders) {
  const char* at = orders.text.data();
  for (const Order& order : orders.list) {
    const char* subject = at;
    const char* reply = subject + order.subject_bytes + 1;
    const char* payload = reply + order.reply_bytes + 1;
    at = payload + order.payload_bytes;
    switch (order.kind) {
      case Order::Kind::publish:
        if (connection_ == nullptr) break;
        // Either fails when the connection has just been lost: dropped, as at-most-once permits.
        if (order.reply_bytes == 0) {
          natsConnection_Publish(connection_, subject, payload, int(order.payload_bytes));
        } else {
          natsConnection_PublishRequest(connection_, subject, reply, payload,
                                        int(order.payload_bytes));
        }
        break;
      case Order::Kind::subscribe:
        subscriptions_[order.subscription].first = subject;
        subscribe_now(order.subscription, subject);
        break;
      case Order::Kind::unsubscribe:
        if (const auto it = subscriptions_.find(order.subscription); it != subscriptions_.end()) {
          natsSubscription_Destroy(it->second.second);
          subscriptions_.erase(it);
        }
        break;
    }
  }
}

}  // namespace sealane::host
