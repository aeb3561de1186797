// SPDX-License-Identifier: Apache-2.0
// A lane in virtual time for the tests of this room: timers, and a network of scripted servers in
// memory. The same calls give the same run. (The simulator proper, with many nodes, delays and
// faults, is sim/.)
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "port/lane.h"

namespace sealane::health {

// What a scripted server does with a connection.
struct Act {
  enum class Kind { bytes, end, reset } kind = Kind::bytes;
  Duration after{};  // since the act before, or since the request
  std::string bytes{};
};

struct FakeServer {
  enum class Connect { accept, refuse, silent, no_descriptor } connect = Connect::accept;
  Duration connect_delay = 100us;
  // Called with the whole request. None: accepts and stays silent (frozen).
  std::function<std::vector<Act>(std::string_view request)> answer;
  bool tls_fails = false;

  static FakeServer says(std::string bytes, Duration after = 200us) {
    FakeServer server;
    server.answer = [bytes = std::move(bytes), after](std::string_view) {
      return std::vector<Act>{{Act::Kind::bytes, after, bytes}, {Act::Kind::end, {}, {}}};
    };
    return server;
  }
  static FakeServer status(int status) {
    return says("HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Length: 0\r\n\r\n");
  }
  static FakeServer refuses() {
    FakeServer server;
    server.connect = Connect::refuse;
    return server;
  }
  static FakeServer silent() {  // drops everything, as a cut network does
    FakeServer server;
    server.connect = Connect::silent;
    return server;
  }
  static FakeServer frozen() { return {}; }  // the kernel accepts, the process does not answer
};

class FakeLane final : port::Clock, port::Timers, port::Net, port::Inbox, port::Log, port::Meter {
 public:
  explicit FakeLane(uint64_t seed = 1) : dice_(seed) {}
  port::Lane lane() { return {*this, *this, *this, *this, *this, *this, dice_, 0}; }

  std::map<SocketAddress, FakeServer> servers;  // who is not here refuses
  // Runs everything up to and including now + d.
  void run_for(Duration d) {
    const Instant until = now_ + d;
    while (!events_.empty() && events_.begin()->first.first <= until) {
      auto event = events_.extract(events_.begin());
      now_ = std::max(now_, event.key().first);
      event.mapped()();
      if (after_each) after_each();
    }
    now_ = until;
  }
  // The thread stands still for so long while the world goes on; then it comes to its timers first
  // and to what waits in the sockets only afterwards, the worse of the two orders.
  void stall(Duration d) { stalled_until_ = now_ += d; }
  Instant time() const { return now_; }
  void at(Duration in, std::function<void()> work) { later(now_ + in, std::move(work)); }
  std::function<void()> after_each;

  struct Seen {
    std::vector<Instant> connects;
    int open = 0, open_most = 0;
    std::string last_request;
    port::ConnectOptions options;
  };
  std::map<SocketAddress, Seen> seen;
  int open_count = 0, open_most = 0;
  std::vector<std::string> lines;  // of the log
  uint64_t metric(const std::string& name) { return counters_[name].get(); }

 private:
  using Key = std::pair<Instant, uint64_t>;

  struct FakeTimer final : port::Timer {
    FakeTimer(FakeLane& at, std::function<void()> f) : lane(at), fire(std::move(f)) {}
    ~FakeTimer() override { disarm(); }
    void arm_at(Instant when) override {
      disarm();
      key = lane.later(when, [this] {
        key.reset();
        fire();
      });
    }
    void disarm() override {
      if (key) lane.events_.erase(*key);
      key.reset();
    }
    bool armed() const override { return key.has_value(); }
    FakeLane& lane;
    std::function<void()> fire;
    std::optional<Key> key;
  };

  struct FakeStream final : port::Stream {
    FakeStream(FakeLane& at, SocketAddress to, port::StreamHandler& h)
        : lane(at), peer_(to), handler(&h) {
      Seen& s = lane.seen[to];
      s.connects.push_back(lane.now_);
      s.open_most = std::max(s.open_most, ++s.open);
      lane.open_most = std::max(lane.open_most, ++lane.open_count);
    }
    ~FakeStream() override {
      --lane.seen[peer_].open, --lane.open_count;
      for (const Key& key : keys) lane.events_.erase(key);
    }
    void later(Instant when, std::function<void()> work) {
      auto key = std::make_shared<Key>();
      *key = lane.later(when, [this, key, work = std::move(work)] {
        keys.erase(*key);
        if (key->first < lane.stalled_until_) return later(lane.stalled_until_ + 50us, work);
        work();
      });
      keys.insert(*key);
    }
    void set_handler(port::StreamHandler& h) override { handler = &h; }
    void write(std::span<const std::string_view> parts) override {
      for (const std::string_view part : parts) request += part;
      if (!request.ends_with("\r\n\r\n")) return;
      lane.seen[peer_].last_request = request;
      const FakeServer& server = lane.servers[peer_];
      if (!server.answer) return;
      Instant when = lane.now_;
      for (Act& act : server.answer(request)) {
        when += act.after;
        later(when, [this, act = std::move(act)] {
          switch (act.kind) {
            case Act::Kind::bytes:
              return handler->on_data(act.bytes);
            case Act::Kind::end:
              return handler->on_end();
            case Act::Kind::reset:
              return handler->on_error({Code::unavailable, "reset by peer"});
          }
        });
      }
    }
    size_t pending_bytes() const override { return 0; }
    void pause() override {}
    void resume() override {}
    void end() override {}
    void reset() override {}
    SocketAddress peer() const override { return peer_; }
    SocketAddress local() const override { return {}; }
    bool is_tls() const override { return false; }
    std::string_view tls_server_name() const override { return {}; }
    void linger(std::unique_ptr<port::Stream>) override {}

    FakeLane& lane;
    SocketAddress peer_;
    port::StreamHandler* handler;
    std::string request;
    std::set<Key> keys;
  };

  Key later(Instant when, std::function<void()> work) {
    const Key key{std::max(when, now_), ++sequence_};
    events_.emplace(key, std::move(work));
    return key;
  }

  Instant now() const override { return now_; }
  WallTime wall() const override {
    return WallTime{} + std::chrono::milliseconds(to_ms(now_ - Instant{}));
  }
  std::unique_ptr<port::Timer> make(std::function<void()> fire) override {
    return std::make_unique<FakeTimer>(*this, std::move(fire));
  }
  std::unique_ptr<port::Stream> connect(const SocketAddress& to,
                                        const port::ConnectOptions& options,
                                        port::StreamHandler& handler) override {
    auto stream = std::make_unique<FakeStream>(*this, to, handler);
    FakeStream* s = stream.get();
    seen[to].options = options;
    const auto found = servers.find(to);
    const FakeServer server = found == servers.end() ? FakeServer::refuses() : found->second;
    auto error = [s](Code code, const char* what) { s->handler->on_error({code, what}); };
    switch (server.connect) {
      case FakeServer::Connect::accept:
        s->later(now_ + server.connect_delay, [=] {
          if (server.tls_fails) return error(Code::invalid, "bad certificate");
          s->handler->on_open();
        });
        break;
      case FakeServer::Connect::refuse:
        s->later(now_ + server.connect_delay, [=] { error(Code::unavailable, "refused"); });
        break;
      case FakeServer::Connect::silent:
        s->later(now_ + options.timeout, [=] { error(Code::timeout, "no answer"); });
        break;
      case FakeServer::Connect::no_descriptor:
        s->later(now_, [=] { error(Code::limit, "no more descriptors"); });
        break;
    }
    return stream;
  }
  Result<std::unique_ptr<port::Listener>> listen(
      const SocketAddress&, const port::ListenOptions&,
      std::function<void(std::unique_ptr<port::Stream>)>) override {
    return fail(Code::unavailable, "the fake lane does not listen");
  }
  Result<std::unique_ptr<port::DatagramSocket>> bind(const SocketAddress&,
                                                     port::DatagramHandler&) override {
    return fail(Code::unavailable, "the fake lane has no datagrams");
  }
  bool post(std::function<void()> work) override {
    later(now_, std::move(work));
    return true;
  }
  void line(port::Level, std::string_view event, std::string_view text) override {
    lines.push_back(std::string(event) + " " + std::string(text));
  }
  port::Counter& counter(std::string_view name, std::string_view labels) override {
    return counters_[std::string(name) + (labels.empty() ? "" : "{" + std::string(labels) + "}")];
  }
  port::Counter& gauge(std::string_view name, std::string_view labels) override {
    return counter(name, labels);
  }

  Instant now_ = Instant{} + 1h, stalled_until_{};
  uint64_t sequence_ = 0;
  std::map<Key, std::function<void()>> events_;
  std::map<std::string, port::Counter> counters_;
  Dice dice_;
};

}  // namespace sealane::health
