// SPDX-License-Identifier: Apache-2.0
// A lane for tests: time stands still until it is told to go on, datagrams and streams are handed
// over by the test, and what the role sends can be looked at.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "port/lane.h"

namespace sealane::dns {

class FakeTime : public port::Clock, public port::Timers {
 public:
  Instant now() const override { return now_; }
  WallTime wall() const override {
    return WallTime(std::chrono::milliseconds(1'700'000'000'000 + to_ms(now_ - Instant{})));
  }
  std::unique_ptr<port::Timer> make(std::function<void()> fire) override {
    return std::make_unique<FakeTimer>(*this, std::move(fire));
  }
  // Fires what falls due on the way, in its order.
  void advance(Duration by) {
    const Instant until = now_ + by;
    while (!due_.empty() && due_.begin()->first <= until) {
      now_ = std::max(now_, due_.begin()->first);
      FakeTimer* timer = due_.begin()->second;
      timer->disarm();
      timer->fire();
    }
    now_ = until;
  }

 private:
  class FakeTimer : public port::Timer {
   public:
    FakeTimer(FakeTime& time, std::function<void()> fire) : time_(time), fire_(std::move(fire)) {}
    ~FakeTimer() override { disarm(); }
    void arm_at(Instant when) override {
      disarm();
      time_.due_.emplace(when, this);
    }
    void disarm() override {
      std::erase_if(time_.due_, [this](const auto& due) { return due.second == this; });
    }
    bool armed() const override {
      return std::ranges::any_of(time_.due_,
                                 [this](const auto& due) { return due.second == this; });
    }
    void fire() { fire_(); }

   private:
    FakeTime& time_;
    std::function<void()> fire_;
  };
  Instant now_{Duration(1h)};
  std::multimap<Instant, FakeTimer*> due_;
};

// The test's end of a stream; it outlives the role's end.
struct FakePeer {
  port::StreamHandler* handler = nullptr;
  std::string received;  // what the role wrote
  bool takes = true;     // false: what is written stays pending
  size_t pending_bytes = 0;
  bool paused = false, closed = false, flushed = false;

  void send(std::string_view bytes) {
    if (handler != nullptr) handler->on_data({bytes.data(), bytes.size()});
  }
  void drain() {
    pending_bytes = 0;
    if (handler != nullptr) handler->on_drained();
  }
};

class FakeStream : public port::Stream {
 public:
  FakeStream(std::shared_ptr<FakePeer> peer, const SocketAddress& address)
      : peer_(std::move(peer)), address_(address) {}
  ~FakeStream() override {
    peer_->closed = true;
    peer_->handler = nullptr;
  }
  void set_handler(port::StreamHandler& handler) override { peer_->handler = &handler; }
  void write(std::span<const std::string_view> parts) override {
    for (const std::string_view part : parts) {
      peer_->received += part;
      if (!peer_->takes) peer_->pending_bytes += part.size();
    }
  }
  using port::Stream::write;
  size_t pending_bytes() const override { return peer_->pending_bytes; }
  void pause() override { peer_->paused = true; }
  void resume() override { peer_->paused = false; }
  void end() override {}
  void reset() override {}
  SocketAddress peer() const override { return address_; }
  SocketAddress local() const override { return {IpAddress::v4(192, 0, 2, 53), 53}; }
  bool is_tls() const override { return false; }
  std::string_view tls_server_name() const override { return {}; }

 protected:
  void linger(std::unique_ptr<port::Stream>) override { peer_->flushed = true; }

 private:
  std::shared_ptr<FakePeer> peer_;
  SocketAddress address_;
};

class FakeNet : public port::Net {
 public:
  std::unique_ptr<port::Stream> connect(const SocketAddress&, const port::ConnectOptions&,
                                        port::StreamHandler&) override {
    return nullptr;
  }
  Result<std::unique_ptr<port::Listener>> listen(
      const SocketAddress& at, const port::ListenOptions&,
      std::function<void(std::unique_ptr<port::Stream>)> accepted) override {
    if (refuse_listen) return fail(Code::conflict, "the address is taken");
    accepted_ = std::move(accepted);
    return std::make_unique<FakeListener>(at);
  }
  Result<std::unique_ptr<port::DatagramSocket>> bind(const SocketAddress& at,
                                                     port::DatagramHandler& handler) override {
    datagrams = &handler;
    return std::make_unique<FakeSocket>(at, *this);
  }
  // A client connects.
  std::shared_ptr<FakePeer> dial(const SocketAddress& from) {
    auto peer = std::make_shared<FakePeer>();
    accepted_(std::make_unique<FakeStream>(peer, from));
    return peer;
  }

  port::DatagramHandler* datagrams = nullptr;  // null: nothing is bound
  bool refuse_listen = false;

 private:
  struct FakeListener : port::Listener {
    explicit FakeListener(const SocketAddress& at) : at(at) {}
    SocketAddress local() const override { return at; }
    SocketAddress at;
  };
  struct FakeSocket : port::DatagramSocket {
    FakeSocket(const SocketAddress& at, FakeNet& net) : at(at), net(net) {}
    ~FakeSocket() override { net.datagrams = nullptr; }
    SocketAddress local() const override { return at; }
    void send(const SocketAddress&, std::span<const uint8_t>) override {}
    SocketAddress at;
    FakeNet& net;
  };
  std::function<void(std::unique_ptr<port::Stream>)> accepted_;
};

class FakeInbox : public port::Inbox {
 public:
  bool post(std::function<void()>) override { return false; }
};

class FakeLog : public port::Log {
 public:
  void line(port::Level, std::string_view event, std::string_view text) override {
    lines.push_back(std::string(event) + " " + std::string(text));
  }
  std::vector<std::string> lines;
};

class FakeMeter : public port::Meter {
 public:
  port::Counter& counter(std::string_view name, std::string_view labels) override {
    return counters_[std::string(name) + "{" + std::string(labels) + "}"];
  }
  port::Counter& gauge(std::string_view name, std::string_view labels) override {
    return counter(name, labels);
  }
  uint64_t get(const std::string& name) { return counters_[name].get(); }

 private:
  std::map<std::string, port::Counter> counters_;
};

struct FakeLane {
  FakeTime time;
  FakeNet net;
  FakeInbox inbox;
  FakeLog log;
  FakeMeter meter;
  Dice dice{1};
  port::Lane lane{time, time, net, inbox, log, meter, dice, 0};
};

}  // namespace sealane::dns
