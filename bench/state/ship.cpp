// SPDX-License-Identifier: Apache-2.0
// How long a write takes from one region to another. Writes at A at a steady rate; as soon as A has
// acknowledged one, asks B for it with the session token that A gave, and B answers when it has it.
// One line of JSON at the end, microseconds from A's acknowledgement (and from the request to A) to
// the answer of B, both as this client sees them.
#include <sys/timerfd.h>

#include <deque>

#include "client.h"

namespace {

using bench::die;
using bench::now_ns;

constexpr std::string_view kToken = "x-sealane-session: ", kStale = "x-sealane-stale: ";
constexpr size_t kConnectionsEach = 64;
constexpr size_t kTextBytes = 900;

struct Write {
  std::string put, get;  // to A; to B, without the token
  int64_t sent_at = 0, acked_at = 0;
  std::string token;
};

struct Connection {
  int fd = -1;
  bool is_at_b = false;
  Write* busy = nullptr;
  std::string received;
};

struct Ship {
  std::vector<Write> writes;
  std::vector<Connection> connections;
  std::vector<Connection*> idle_at_a, idle_at_b;
  std::deque<Write*> due, acked;
  std::vector<int64_t> since_ack_ns, since_send_ns;
  uint64_t refused = 0, stale = 0, missing = 0;
  size_t done = 0;

  void send_due() {
    for (; !due.empty() && !idle_at_a.empty(); due.pop_front(), idle_at_a.pop_back()) {
      Connection& connection = *idle_at_a.back();
      connection.busy = due.front();
      connection.busy->sent_at = now_ns();
      bench::send_all(connection.fd, connection.busy->put);
    }
    for (; !acked.empty() && !idle_at_b.empty(); acked.pop_front(), idle_at_b.pop_back()) {
      Connection& connection = *idle_at_b.back();
      Write& write = *(connection.busy = acked.front());
      // Not one of the signed fields, so it may still be added.
      write.get.insert(write.get.find("\r\n") + 2, fmt::format("{}{}\r\n", kToken, write.token));
      bench::send_all(connection.fd, write.get);
    }
  }

  void receive(Connection& connection) {
    if (!bench::receive_more(connection.fd, connection.received)) return;
    bench::Answer answer;
    size_t taken = 0;
    if (!bench::take_http(connection.received, answer, taken)) return;
    Write& write = *std::exchange(connection.busy, nullptr);
    connection.is_at_b ? arrived(write, answer) : acknowledged(write, answer);
    (connection.is_at_b ? idle_at_b : idle_at_a).push_back(&connection);
    connection.received.erase(0, taken);
  }

  void acknowledged(Write& write, const bench::Answer& answer) {
    const size_t at = answer.head.find(kToken);
    if (!answer.is_good || at == answer.head.npos) {
      ++refused, ++done;
      return;
    }
    write.acked_at = now_ns();
    const std::string_view rest = answer.head.substr(at + kToken.size());
    write.token = rest.substr(0, rest.find('\r'));
    acked.push_back(&write);
  }

  void arrived(Write& write, const bench::Answer& answer) {
    const int64_t now = now_ns();
    ++done;
    if (!answer.is_good) ++refused;
    else if (answer.head.find(kStale) != answer.head.npos) ++stale;
    else if (answer.body.size() < kTextBytes) ++missing;
    since_ack_ns.push_back(now - write.acked_at);
    since_send_ns.push_back(now - write.sent_at);
  }

  void open(const sockaddr_in& a, const sockaddr_in& b, int epoll) {
    connections.resize(2 * kConnectionsEach);
    for (uint32_t i = 0; i < connections.size(); ++i) {
      Connection& connection = connections[i];
      connection.is_at_b = i >= kConnectionsEach;
      connection.fd = bench::connect_to(connection.is_at_b ? b : a, epoll, i);
      (connection.is_at_b ? idle_at_b : idle_at_a).push_back(&connection);
    }
  }

  void run(const sockaddr_in& a, const sockaddr_in& b, double rate) {
    const int epoll = epoll_create1(EPOLL_CLOEXEC),
              timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    open(a, b, epoll);
    const itimerspec every_ms{{0, 1'000'000}, {0, 1'000'000}};
    timerfd_settime(timer, 0, &every_ms, nullptr);
    epoll_event tick{};
    tick.events = EPOLLIN;
    tick.data.u32 = UINT32_MAX;
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &tick);
    const int64_t begin = now_ns();
    size_t begun = 0;
    std::vector<epoll_event> events(connections.size() + 1);
    while (done < writes.size()) {
      const int ready = epoll_wait(epoll, events.data(), int(events.size()), 10'000);
      for (int i = 0; i < ready; ++i) {
        const uint32_t index = events[size_t(i)].data.u32;
        if (index != UINT32_MAX) {
          receive(connections[index]);
          continue;
        }
        uint64_t count = 0;
        [[maybe_unused]] const ssize_t taken = read(timer, &count, sizeof count);
        const auto wanted = size_t(double(now_ns() - begin) * rate / 1e9);
        for (; begun < std::min(wanted, writes.size()); ++begun) due.push_back(&writes[begun]);
      }
      send_due();
      if (now_ns() - begin > int64_t(double(writes.size()) / rate * 1e9) + 20'000'000'000)
        die("not all writes arrived");
    }
    const double seconds = double(now_ns() - begin) / 1e9;
    fmt::print(
        "{{\"writes\": {}, \"per_second\": {:.0f}, \"p50_us\": {:.1f}, \"p99_us\": {:.1f}, "
        "\"sent_p50_us\": {:.1f}, "
        "\"sent_p99_us\": {:.1f}, \"refused\": {}, \"stale\": {}, \"missing\": {}}}\n",
        writes.size(), double(writes.size()) / seconds, bench::percentile_us(since_ack_ns, 0.5),
        bench::percentile_us(since_ack_ns, 0.99), bench::percentile_us(since_send_ns, 0.5),
        bench::percentile_us(since_send_ns, 0.99), refused, stale, missing);
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) {
    std::fprintf(stderr,
                 "usage: bench_state_ship A:port B:port CREDENTIALS WRITES_PER_SECOND SECONDS\n");
    return 2;
  }
  const double rate = std::stod(arguments[4]), seconds = std::stod(arguments[5]);
  bench::Writer at_a(arguments[1], "us-east-1", arguments[3]),
      at_b(arguments[2], "us-east-1", arguments[3]);
  Ship ship;
  ship.writes.resize(size_t(rate * seconds));
  const std::string text(kTextBytes, 'x');
  const int64_t run = now_ns();  // so that no key was there before
  for (size_t i = 0; i < ship.writes.size(); ++i) {
    const std::string key = fmt::format(R"("id":{{"S":"{:x}-{}"}})", run, i);
    ship.writes[i].put = at_a.request(
        "PutItem",
        fmt::format(R"({{"TableName":"items","Item":{{{},"text":{{"S":"{}"}}}}}})", key, text));
    ship.writes[i].get =
        at_b.request("GetItem", fmt::format(R"({{"TableName":"items","Key":{{{}}}}})", key));
  }
  ship.run(bench::address(arguments[1]), bench::address(arguments[2]), rate);
  return ship.refused + ship.stale + ship.missing == 0 ? 0 : 1;
}
