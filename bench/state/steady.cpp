// SPDX-License-Identifier: Apache-2.0
// So many writes and reads a second at one region, whether it answers or not (an open loop), until
// SIGTERM or for so many seconds. Writes are items of 1 KiB under keys of this region, reads are of
// what was written. One line of JSON at the end: how many were answered, how many not, how long
// answers took, the longest time without one, and answers second by second.
#include <signal.h>
#include <sys/timerfd.h>

#include <deque>

#include "client.h"

namespace {

using bench::die;
using bench::now_ns;

constexpr size_t kConnections = 64;
constexpr size_t kKeys = 20'000;
constexpr size_t kTextBytes = 900;
constexpr size_t kDueMax = 100'000;  // that wait for a connection
constexpr int64_t kPatience_ns = 15'000'000'000;

volatile sig_atomic_t is_stopping = 0;

struct Kind {
  uint64_t answered = 0, refused = 0;
  int64_t last_ns = 0, gap_ns = 0;
  std::vector<int64_t> latency_ns;
  std::vector<uint64_t> by_second;

  void note(const bench::Answer& answer, int64_t due_ns, int64_t begin_ns) {
    const int64_t now = now_ns();
    if (!answer.is_good) return void(++refused);
    ++answered;
    by_second.resize(std::max(by_second.size(), size_t((now - begin_ns) / 1'000'000'000) + 1));
    ++by_second.back();
    if (last_ns != 0) gap_ns = std::max(gap_ns, now - last_ns);
    last_ns = now;
    latency_ns.push_back(now - due_ns);
  }

  std::string json() {
    const int64_t most = latency_ns.empty() ? 0 : *std::ranges::max_element(latency_ns);
    return fmt::format(
        R"({{"answered": {}, "refused": {}, "p50_ms": {:.2f}, "p99_ms": {:.2f}, "max_ms": {:.2f}, )"
        R"("gap_ms": {:.1f}, "by_second": [{}]}})",
        answered, refused, bench::percentile_us(latency_ns, 0.5) / 1000,
        bench::percentile_us(latency_ns, 0.99) / 1000, double(most) / 1e6, double(gap_ns) / 1e6,
        fmt::join(by_second, ", "));
  }
};

struct Request {
  bool is_write = false;
  int64_t due_ns = 0;  // latency counts from here, not from when a connection was free
};

struct Connection {
  int fd = -1;
  Request busy;
  std::string received;
};

struct Steady {
  bench::Writer writer;
  std::string region;
  double writes_per_s = 0, reads_per_s = 0;
  std::vector<Connection> connections{kConnections};
  std::deque<Connection*> idle{};  // in turns: the server closes what is not used
  std::deque<Request> due{};
  Kind writes{}, reads{};
  int64_t begin_ns = 0;
  uint64_t written_count = 0, read_count = 0, unsent_count = 0;
  std::string first_refusal{};
  const std::string text = std::string(kTextBytes, 'x');

  std::string key(uint64_t number) const {
    return fmt::format(R"("id":{{"S":"{}-{}"}})", region, number % kKeys);
  }

  void send_due() {
    for (; !due.empty() && !idle.empty(); due.pop_front(), idle.pop_front()) {
      Connection& connection = *idle.front();
      connection.busy = due.front();
      const std::string request =
          due.front().is_write
              ? writer.request(
                    "PutItem",
                    fmt::format(
                        R"({{"TableName":"items","Item":{{{},"n":{{"N":"{}"}},"text":{{"S":"{}"}}}}}})",
                        key(written_count), written_count, text))
              : writer.request("GetItem", fmt::format(R"({{"TableName":"items","Key":{{{}}}}})",
                                                      key(read_count * 7919 %
                                                          std::max<uint64_t>(written_count, 1))));
      ++(due.front().is_write ? written_count : read_count);
      bench::send_all(connection.fd, request);
    }
  }

  void receive(Connection& connection) {
    if (!bench::receive_more(connection.fd, connection.received)) return;
    bench::Answer answer;
    size_t taken = 0;
    if (!bench::take_http(connection.received, answer, taken)) return;
    (connection.busy.is_write ? writes : reads).note(answer, connection.busy.due_ns, begin_ns);
    if (!answer.is_good && first_refusal.empty()) first_refusal = answer.body;
    connection.received.erase(0, taken);
    idle.push_back(&connection);
  }

  // What has become due since the last time.
  void make_due(int64_t since_begin_ns, uint64_t& count, double per_s, bool is_write) {
    for (const auto wanted = uint64_t(double(since_begin_ns) / 1e9 * per_s); count < wanted;
         ++count) {
      due.size() < kDueMax ? due.push_back({is_write, now_ns()}) : void(++unsent_count);
    }
  }

  void run(const sockaddr_in& to, double seconds) {
    const int epoll = epoll_create1(EPOLL_CLOEXEC),
              timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    for (uint32_t i = 0; i < connections.size(); ++i) {
      connections[i].fd = bench::connect_to(to, epoll, i);
      idle.push_back(&connections[i]);
    }
    const itimerspec every_ms{{0, 1'000'000}, {0, 1'000'000}};
    timerfd_settime(timer, 0, &every_ms, nullptr);
    epoll_event tick{};
    tick.events = EPOLLIN;
    tick.data.u32 = UINT32_MAX;
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &tick);
    const int64_t begin = begin_ns = now_ns();
    int64_t heard = begin;
    uint64_t due_writes = 0, due_reads = 0;
    std::vector<epoll_event> events(connections.size() + 1);
    while (true) {
      const int ready = epoll_wait(epoll, events.data(), int(events.size()), 1000);
      const int64_t now = now_ns();
      for (int i = 0; i < ready; ++i) {
        const uint32_t index = events[size_t(i)].data.u32;
        if (index != UINT32_MAX) {
          heard = now;
          receive(connections[index]);
          continue;
        }
        uint64_t count = 0;
        [[maybe_unused]] const ssize_t taken = read(timer, &count, sizeof count);
        if (is_stopping) continue;
        make_due(now - begin, due_writes, writes_per_s, true);
        make_due(now - begin, due_reads, reads_per_s, false);
      }
      if (double(now - begin) / 1e9 > seconds) is_stopping = 1;
      if (is_stopping) {
        unsent_count += due.size();
        due.clear();
      }
      send_due();
      if (is_stopping && idle.size() == connections.size()) break;
      if (now > heard + kPatience_ns) die("no answer for a long time");
    }
    const double took = double(now_ns() - begin) / 1e9;
    fmt::print(
        "{{\"seconds\": {:.3f}, \"writes_per_s\": {:.0f}, \"reads_per_s\": {:.0f}, \"unsent\": {}, "
        "\"writes\": {}, "
        "\"reads\": {}}}\n",
        took, double(writes.answered) / took, double(reads.answered) / took, unsent_count,
        writes.json(), reads.json());
    if (!first_refusal.empty()) fmt::print(stderr, "the first refusal: {}\n", first_refusal);
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 6 && count != 7) {
    std::fprintf(stderr,
                 "usage: bench_state_steady IPv4:port REGION CREDENTIALS WRITES_PER_SECOND "
                 "READS_PER_SECOND [SECONDS]\n");
    return 2;
  }
  struct sigaction stop{};
  stop.sa_handler = [](int) { is_stopping = 1; };
  sigaction(SIGTERM, &stop, nullptr);
  Steady steady{.writer{arguments[1], arguments[2], arguments[3]},
                .region = arguments[2],
                .writes_per_s = std::stod(arguments[4]),
                .reads_per_s = std::stod(arguments[5])};
  steady.run(bench::address(arguments[1]), count == 7 ? std::stod(arguments[6]) : 1e9);
  return 0;
}
