// SPDX-License-Identifier: Apache-2.0
// A lane in memory for tests: streams whose far end the test holds in its hand, and time that moves
// when the test says so. Every call-back happens inside a call of the test, as from a loop.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/result.h"
#include "port/lane.h"

namespace sealane::port::fake {

// The far end of one stream: the client of an accepted one, the origin of a connected one.
struct Peer {
  SocketAddress near, far;             // near: the side under test
  port::ConnectOptions options;        // of a connected one
  bool tls = false, accepted = false;  // accepted: by the side under test
  port::StreamHandler* handler = nullptr;
  std::string got;                     // what that side wrote and this end has taken
  std::string waiting;                 // written, not taken: see `window`
  size_t window = SIZE_MAX;            // bytes that this end takes until drain()
  size_t write_count = 0;
  Duration round_trip{};               // as the kernel would say, and how often it was asked
  size_t round_trip_asked_count = 0;
  std::string unread;                  // sent while that side was paused
  bool paused = false, open = false, ended = false, reset = false, closed = false;  // by that side
  bool end_unread = false;

  void take(std::string_view bytes) {
    const size_t n = std::min(window, bytes.size());
    got.append(bytes.substr(0, n));
    waiting.append(bytes.substr(n));
    if (window != SIZE_MAX) window -= n;
  }
  // ── what the test does ──
  void open_up() {
    open = true;
    take(std::exchange(waiting, {}));
    if (handler) handler->on_open();
  }
  void refuse() { error(Code::unavailable); }
  void time_out() { error(Code::timeout); }
  void break_off() { error(Code::unavailable); }
  void error(Code code) {
    if (auto* h = std::exchange(handler, nullptr)) h->on_error({code, "test"});
  }
  void send(std::string_view bytes) {
    if (paused) {
      unread.append(bytes);
    } else if (handler) {
      const std::string copy(bytes);  // gone after the call, as a loop's buffer is
      handler->on_data({copy.data(), copy.size()});
    }
  }
  void end() {
    if (paused) {
      end_unread = true;
    } else if (handler) {
      handler->on_end();
    }
  }
  // Takes all that waits and `more` bytes from then on.
  void drain(size_t more = SIZE_MAX) {
    window = SIZE_MAX;
    const bool had = !waiting.empty();
    take(std::exchange(waiting, {}));
    window = more;
    if (had && handler) handler->on_drained();
  }
  // What came since the last call.
  std::string read() { return std::exchange(got, {}); }
  bool gone() const { return handler == nullptr; }
};

class Stream final : public port::Stream {
 public:
  explicit Stream(std::shared_ptr<Peer> peer) : peer_(std::move(peer)) {}
  ~Stream() override {
    peer_->handler = nullptr;
    peer_->closed = true;
  }
  void set_handler(port::StreamHandler& handler) override { peer_->handler = &handler; }
  void write(std::span<const std::string_view> parts) override {
    ++peer_->write_count;
    for (const std::string_view part : parts) {
      if (peer_->open) {
        peer_->take(part);
      } else {
        peer_->waiting.append(part);
      }
    }
  }
  using port::Stream::write;
  size_t pending_bytes() const override { return peer_->waiting.size(); }
  void pause() override { peer_->paused = true; }
  void resume() override {
    if (!std::exchange(peer_->paused, false)) return;
    resumed().push_back(peer_);
  }
  void end() override { peer_->ended = true; }
  void reset() override {
    peer_->reset = true;
    peer_->handler = nullptr;
  }
  SocketAddress peer() const override { return peer_->far; }
  SocketAddress local() const override { return peer_->near; }
  bool is_tls() const override { return peer_->tls; }
  std::string_view tls_server_name() const override { return {}; }
  Duration round_trip() const override {
    ++peer_->round_trip_asked_count;
    return peer_->round_trip;
  }
  // Handlers are never called from inside resume(): the lane does it in its next turn.
  static std::vector<std::shared_ptr<Peer>>& resumed() {
    thread_local std::vector<std::shared_ptr<Peer>> list;
    return list;
  }

 protected:
  void linger(std::unique_ptr<port::Stream> self) override {
    peer_->ended = true;
    self.reset();
  }

 private:
  std::shared_ptr<Peer> peer_;
};

class Lane final : port::Clock, port::Timers, port::Net, port::Inbox, port::Log, port::Meter {
 public:
  Lane() : lane{*this, *this, *this, *this, *this, *this, dice_, 0} { Stream::resumed().clear(); }

  // ── what the test does ──
  // A client connects to whoever listens.
  std::shared_ptr<Peer> call(const SocketAddress& from, bool tls = false) {
    auto peer = std::make_shared<Peer>();
    peer->far = from;
    peer->tls = tls;
    peer->open = peer->accepted = true;
    auto& accept = tls ? accept_tls_ : accept_;
    accept(std::make_unique<Stream>(peer));
    return peer;
  }
  // The oldest connect that the test has not looked at; nullptr: none.
  std::shared_ptr<Peer> next_connect() {
    if (connects_.empty()) return nullptr;
    auto peer = connects_.front();
    connects_.pop_front();
    return peer;
  }
  void turn() { advance(Duration::zero()); }
  void advance(Duration by) {
    const Instant end = now_ + by;
    settle();
    while (true) {
      FakeTimer* next = nullptr;
      for (FakeTimer* timer : timers_) {
        if (timer->armed_ && timer->when_ <= end && (!next || timer->is_before(*next)))
          next = timer;
      }
      if (next == nullptr) break;
      if (next->when_ > now_) now_ = next->when_;
      next->armed_ = false;
      ++fired_count;
      next->fire_();
      settle();
    }
    now_ = end;
  }
  uint64_t counter_value(const std::string& name, const std::string& labels = "") {
    return counters_[name + "{" + labels + "}"].get();
  }
  size_t fired_count = 0;

 private:
  struct FakeTimer final : port::Timer {
    FakeTimer(Lane& lane, std::function<void()> fire) : lane_(lane), fire_(std::move(fire)) {
      lane_.timers_.push_back(this);
    }
    ~FakeTimer() override { std::erase(lane_.timers_, this); }
    void arm_at(Instant when) override {
      when_ = when, armed_ = true;
      order_ = ++lane_.armed_count_;
    }
    void disarm() override { armed_ = false; }
    bool armed() const override { return armed_; }
    // Of those that are due together the first armed goes first, as in the simulator.
    bool is_before(const FakeTimer& other) const {
      return std::tie(when_, order_) < std::tie(other.when_, other.order_);
    }
    Lane& lane_;
    std::function<void()> fire_;
    Instant when_{};
    uint64_t order_ = 0;
    bool armed_ = false;
  };
  class FakeListener final : public port::Listener {
   public:
    explicit FakeListener(SocketAddress at) : at_(at) {}
    SocketAddress local() const override { return at_; }

   private:
    SocketAddress at_;
  };

  void settle() {
    while (!posted_.empty() || !Stream::resumed().empty()) {
      for (auto& work : std::exchange(posted_, {})) work();
      for (auto& peer : std::exchange(Stream::resumed(), {})) {
        if (peer->paused) continue;
        if (!peer->unread.empty()) peer->send(std::exchange(peer->unread, {}));
        if (!peer->paused && std::exchange(peer->end_unread, false)) peer->end();
      }
    }
  }

  Instant now() const override { return now_; }
  WallTime wall() const override {
    return WallTime{std::chrono::sys_days{std::chrono::January / 1 / 2030}} +
           std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch());
  }
  std::unique_ptr<port::Timer> make(std::function<void()> fire) override {
    return std::make_unique<FakeTimer>(*this, std::move(fire));
  }
  std::unique_ptr<port::Stream> connect(const SocketAddress& to,
                                        const port::ConnectOptions& options,
                                        port::StreamHandler& handler) override {
    auto peer = std::make_shared<Peer>();
    peer->far = to;
    peer->options = options;
    peer->handler = &handler;
    connects_.push_back(peer);
    return std::make_unique<Stream>(std::move(peer));
  }
  Result<std::unique_ptr<port::Listener>> listen(
      const SocketAddress& at, const port::ListenOptions& options,
      std::function<void(std::unique_ptr<port::Stream>)> accepted) override {
    (options.tls ? accept_tls_ : accept_) = std::move(accepted);
    return std::make_unique<FakeListener>(at);
  }
  Result<std::unique_ptr<port::DatagramSocket>> bind(const SocketAddress&,
                                                     port::DatagramHandler&) override {
    return fail(Code::unavailable, "no datagrams here");
  }
  bool post(std::function<void()> work) override {
    posted_.push_back(std::move(work));
    return true;
  }
  void line(port::Level, std::string_view, std::string_view) override {}
  port::Counter& counter(std::string_view name, std::string_view labels) override {
    return counters_[std::string(name) + "{" + std::string(labels) + "}"];
  }
  port::Counter& gauge(std::string_view name, std::string_view labels) override {
    return counter(name, labels);
  }

  Dice dice_{7};
  Instant now_{std::chrono::hours(1)};
  std::vector<FakeTimer*> timers_;
  uint64_t armed_count_ = 0;
  std::deque<std::shared_ptr<Peer>> connects_;
  std::vector<std::function<void()>> posted_;
  std::map<std::string, port::Counter> counters_;
  std::function<void(std::unique_ptr<port::Stream>)> accept_, accept_tls_;

 public:
  port::Lane lane;
};

}  // namespace sealane::port::fake
