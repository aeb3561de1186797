// SPDX-License-Identifier: Apache-2.0
#include "play/users.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "play/agent.h"
#include "wire/dns/message.h"
#include "wire/http/reader.h"

namespace sealane::play {
namespace {

namespace http = wire::http;
namespace dns = wire::dns;

struct Addresses {
  std::vector<IpAddress> list;
  uint32_t ttl_s = 0;
};

// The A records of an answer to `id`; nothing when the packet is not that answer.
std::optional<Addresses> read_answer(std::span<const uint8_t> bytes, uint16_t& id) {
  const auto message = dns::decode_message(bytes);
  if (!message || !message->is(dns::Flag::qr)) return std::nullopt;
  id = message->id;
  Addresses out;
  if (message->rcode != dns::Rcode::noerror) return out;
  out.ttl_s = UINT32_MAX;
  for (const dns::Record& record : message->answers) {
    if (record.type != dns::Type::a || record.rdata.size() != 4) continue;
    const auto at = [&](size_t i) { return uint8_t(record.rdata[i]); };
    out.list.push_back(IpAddress::v4(at(0), at(1), at(2), at(3)));
    out.ttl_s = std::min(out.ttl_s, record.ttl_s);
  }
  return out;
}

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

// ── the stub resolver
// ────────────────────────────────────────────────────────────────────────────────

class UserGroup::Resolver final : port::DatagramHandler {
 public:
  using Done =
      std::function<void(const std::vector<IpAddress>&)>;  // empty: nobody answered, or no address

  Resolver(port::Lane& lane, const UserOptions& options)
      : lane_(lane), options_(options), timer_(lane.timers.make([this] { ask_next(); })) {
    auto socket = lane.net.bind({}, *this);
    SL_ASSERT(socket);
    socket_ = std::move(*socket);
  }

  // `done` is called from the loop, never from inside.
  void resolve(Done done) {
    waiting_.push_back(std::move(done));
    if (waiting_.size() > 1) return;
    asks_ = 0;
    fresh_ = lane_.clock.now() < fresh_until_;
    timer_->arm_at(lane_.clock.now());
  }

 private:
  void ask_next() {
    if (fresh_) return finish();
    if (asks_ == kAsksMax) {
      known_.clear();
      return finish();
    }
    const auto& server = options_.name_servers[asks_++ % options_.name_servers.size()];
    id_ = uint16_t(lane_.dice.roll());
    const auto query = dns::make_query(options_.host, dns::Type::a, {.id = id_});
    SL_ASSERT(query);
    socket_->send(server, bytes_of(*query));
    timer_->arm_at(lane_.clock.now() + kAskTimeout);
  }

  void on_batch(std::span<port::Datagram> batch) override {
    for (const port::Datagram& datagram : batch) {
      uint16_t id = 0;
      const auto answer = read_answer(datagram.bytes, id);
      if (!answer || id != id_ || waiting_.empty() || fresh_) continue;
      known_ = answer->list;
      if (!known_.empty()) fresh_until_ = lane_.clock.now() + std::chrono::seconds(answer->ttl_s);
      finish();
    }
  }

  void finish() {
    timer_->disarm();
    fresh_ = false;
    const std::vector<IpAddress> answer = known_;
    for (Done& done : std::exchange(waiting_, {})) done(answer);
  }

  port::Lane& lane_;
  const UserOptions& options_;
  std::unique_ptr<port::DatagramSocket> socket_;
  std::unique_ptr<port::Timer> timer_;
  std::vector<Done> waiting_;
  std::vector<IpAddress> known_;
  Instant fresh_until_{};
  bool fresh_ = false;
  unsigned asks_ = 0;
  uint16_t id_ = 0;
};

// ── one request
// ──────────────────────────────────────────────────────────────────────────────────────

class UserGroup::Call final : port::StreamHandler {
 public:
  Call(UserGroup& group, uint64_t id, RequestRecord& record)
      : group_(group),
        id_(id),
        record_(record),
        timer_(group.lane_.timers.make([this] { due(); })) {}
  void begin() { resolve(); }

 private:
  enum class Doing : uint8_t { resolving, connecting, waiting, pausing };

  void resolve() {
    ++record_.attempts;
    doing_ = Doing::resolving;
    group_.resolver_->resolve([this](const std::vector<IpAddress>& addresses) {
      addresses_ = addresses;
      next_ = 0;
      connect();
    });
  }

  void connect() {
    if (next_ == addresses_.size()) {
      return failed(addresses_.empty() ? "no address" : "no address answers", true);
    }
    doing_ = Doing::connecting;
    reader_ = {};
    stream_ = group_.lane_.net.connect({addresses_[next_++], group_.options_.port},
                                       {.timeout = kConnectTimeout}, *this);
  }

  void on_open() override {
    doing_ = Doing::waiting;
    const bool is_post = record_.action == Users::Action::post;
    std::string head =
        fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", is_post ? "POST" : "GET",
                    group_.options_.users.path, group_.options_.host);
    attempt_ = fmt::format("{}/{}/{}", group_.node_.address().to_string(), id_, record_.attempts);
    head += fmt::format("{}: {}\r\n", kAttemptField, attempt_);
    if (record_.action == Users::Action::stream) head += "Accept: text/event-stream\r\n";
    if (last_event_ > 0) head += fmt::format("Last-Event-ID: {}\r\n", last_event_);
    if (is_post) head += "Content-Type: application/json\r\nContent-Length: 15\r\n";
    stream_->write(head + "\r\n" + (is_post ? "{\"prompt\":\"hi\"}" : ""));
    timer_->arm_at(group_.lane_.clock.now() + (is_post ? kThinkTimeout : kQuickTimeout));
  }

  void on_data(std::span<const char> bytes) override {
    std::string_view in(bytes.data(), bytes.size());
    std::vector<http::Field> fields;
    while (true) {
      switch (reader_.next(in, {}, fields)) {
        case http::Event::more:
          return;
        case http::Event::refused:
          return failed("not HTTP", false);
        case http::Event::head:
          record_.status = reader_.head().status;
          is_unprocessed_ = http::find(reader_.head().fields, "sealane-unprocessed").has_value();
          if (is_unprocessed_) record_.unseen.push_back(attempt_);
          body_.clear();
          break;
        case http::Event::body:
          take(reader_.body());
          break;
        case http::Event::end:
          return finished();
      }
    }
  }

  void take(std::string_view bytes) {
    body_ += bytes;
    if (record_.action != Users::Action::stream || record_.status != 200) return;
    timer_->arm_at(group_.lane_.clock.now() + kQuickTimeout);
    // Whole events only; what comes in between (comments, an error event of the edge) has no id.
    size_t end = 0;
    while ((end = body_.find("\n\n")) != std::string::npos) {
      unsigned number = 0;
      if (body_.starts_with("id: ")) std::from_chars(body_.data() + 4, body_.data() + end, number);
      if (number == last_event_ + 1) last_event_ = number;
      note_region(body_);
      body_.erase(0, end + 2);
    }
  }

  void note_region(std::string_view text) {
    constexpr std::string_view kMark = "served by ";
    const size_t at = text.find(kMark);
    if (at == std::string_view::npos) return;
    text.remove_prefix(at + kMark.size());
    record_.served_by = text.substr(0, text.find('\n'));
  }

  void on_end() override {
    if (reader_.body_ends_with_connection()) return finished();
    failed("the connection ended", false);
  }
  void on_error(const Error& error) override {
    if (doing_ == Doing::connecting) {
      stream_.reset();
      return connect();
    }
    failed(error.what, false);
  }

  void due() {
    if (doing_ == Doing::pausing) return resolve();
    failed("no answer in time", false);
  }

  void finished() {
    if (record_.status >= 500) {
      return failed(fmt::format("status {}", record_.status), is_unprocessed_);
    }
    if (record_.action == Users::Action::stream && last_event_ < kStreamEvents) {
      return failed(fmt::format("the stream ended after event {}", last_event_), false);
    }
    note_region(body_);
    over(true);
  }

  // `unsent`: no agent has seen this attempt.
  void failed(std::string why, bool unsent) {
    stream_.reset();
    timer_->disarm();
    record_.trouble = std::move(why);
    const bool may_repeat = record_.is_repeatable || unsent;
    if (!may_repeat || record_.attempts >= kAttemptsMax) return over(false);
    doing_ = Doing::pausing;
    const Duration pause =
        std::min(kPauseMin * (1 << std::min(record_.attempts - 1, 10u)), Duration(kPauseMax));
    timer_->arm_at(group_.lane_.clock.now() + pause);
  }

  void over(bool ok) {
    record_.is_over = true;
    record_.ok = ok;
    record_.ended = group_.node_.world().now();
    group_.calls_.erase(id_);  // destroys this
  }

  UserGroup& group_;
  const uint64_t id_;
  RequestRecord& record_;
  std::unique_ptr<port::Timer> timer_;
  std::unique_ptr<port::Stream> stream_;
  std::vector<IpAddress> addresses_;
  size_t next_ = 0;
  http::ResponseReader reader_;
  std::string body_, attempt_;
  unsigned last_event_ = 0;
  bool is_unprocessed_ = false;
  Doing doing_ = Doing::resolving;
};

// ── the group
// ────────────────────────────────────────────────────────────────────────────────────────

UserGroup::UserGroup(sim::Node& node, UserOptions options)
    : node_(node),
      lane_(node.lane()),
      options_(std::move(options)),
      resolver_(std::make_unique<Resolver>(lane_, options_)),
      arrivals_(lane_.timers.make([this] {
        start_request();
        next_arrival();
      })) {}

UserGroup::~UserGroup() = default;

void UserGroup::begin() {
  running_ = true;
  next_arrival();
}

void UserGroup::stop() {
  running_ = false;
  arrivals_->disarm();
}

void UserGroup::next_arrival() {
  if (!running_) return;
  // Users come independently of each other: exponential gaps.
  const double gap_s = -std::log(1 - lane_.dice.unit()) / options_.users.per_second;
  arrivals_->arm_at(lane_.clock.now() + Duration(int64_t(std::min(gap_s, 3600.0) * 1e9)));
}

void UserGroup::start_request() {
  records_.push_back(std::make_unique<RequestRecord>());
  RequestRecord& record = *records_.back();
  record.action = options_.users.action;
  record.is_repeatable = record.action != Users::Action::post;
  record.began = node_.world().now();
  const uint64_t id = ++last_call_;
  auto& call = calls_[id];
  call = std::make_unique<Call>(*this, id, record);
  call->begin();
}

// ── the watcher
// ──────────────────────────────────────────────────────────────────────────────────────

DnsWatcher::DnsWatcher(sim::Node& node, std::string host, std::vector<SocketAddress> name_servers,
                       Duration period, Tell tell)
    : node_(node),
      host_(std::move(host)),
      servers_(std::move(name_servers)),
      period_(period),
      tell_(std::move(tell)),
      timer_(node.lane().timers.make([this] { ask(); })) {
  auto socket = node.lane().net.bind({}, *this);
  SL_ASSERT(socket);
  socket_ = std::move(*socket);
  timer_->arm_at(node.lane().clock.now());
}

void DnsWatcher::ask() {
  for (const SocketAddress& server : servers_) {
    const auto query = dns::make_query(host_, dns::Type::a, {.id = ++last_id_});
    SL_ASSERT(query);
    socket_->send(server, bytes_of(*query));
  }
  timer_->arm_at(node_.lane().clock.now() + period_);
}

void DnsWatcher::on_batch(std::span<port::Datagram> batch) {
  for (const port::Datagram& datagram : batch) {
    uint16_t id = 0;
    const auto answer = read_answer(datagram.bytes, id);
    const auto server = std::ranges::find(servers_, datagram.peer);
    if (!answer || server == servers_.end()) continue;
    tell_({node_.world().now(), size_t(server - servers_.begin()), answer->list.empty(),
           answer->list, answer->list.empty() ? 0 : answer->ttl_s});
  }
}

}  // namespace sealane::play
