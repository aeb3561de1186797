// SPDX-License-Identifier: Apache-2.0
// The origin of the edge bench: one epoll loop that costs as little as it can, so that what is
// measured is the proxy. Answers, by path:
//   /hit/1k  /hit/64k     Cache-Control: max-age=3600
//   /pass/1k /pass/64k    Cache-Control: no-store
//   /sse                  an event every period, "data: <steady nanoseconds>"
//   anything else         200, "ok"
// bench_edge_origin 127.0.0.1:9001 [period_ms]
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <csignal>
#include <deque>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "socket.h"

namespace {

using bench::die;
using bench::now_ns;

constexpr size_t kRequestBytesMax = 16384;

std::string make_answer(size_t bytes, std::string_view cache_control) {
  return fmt::format(
      "HTTP/1.1 200 OK\r\nServer: bench-origin\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Cache-Control: {}\r\nETag: \"0123456789abcdef\"\r\nX-Request-Class: benchmark\r\n"
      "Content-Length: {}\r\n\r\n{}",
      cache_control, bytes, std::string(bytes, 'x'));
}

struct Connection {
  std::string in;
  std::string out;     // what the kernel did not take yet
  bool waits = false;  // for EPOLLOUT
};

class Origin {
 public:
  Origin(const std::string& listen_on, int64_t period_ns) : period_ns_(period_ns) {
    for (const auto& [kind, control] :
         {std::pair("hit", "max-age=3600"), std::pair("pass", "no-store")}) {
      answers_[fmt::format("/{}/1k", kind)] = make_answer(1024, control);
      answers_[fmt::format("/{}/64k", kind)] = make_answer(65536, control);
    }
    other_ = "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 3\r\n\r\nok\n";
    const sockaddr_in at = bench::address(listen_on);
    const int on = 1;
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&at), sizeof at) < 0) die("bind");
    if (listen(listener_, 4096) < 0) die("listen");
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
  }

  [[noreturn]] void run() {
    std::vector<epoll_event> events(256);
    while (true) {
      const int64_t wait_ns =
          due_.empty() ? 1'000'000'000 : std::max<int64_t>(due_.front().at - now_ns(), 0);
      const timespec timeout = {.tv_sec = wait_ns / 1'000'000'000,
                                .tv_nsec = wait_ns % 1'000'000'000};
      const int count = epoll_pwait2(epoll_, events.data(), int(events.size()), &timeout, nullptr);
      if (count < 0 && errno != EINTR) die("epoll_pwait2");
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[size_t(i)];
        if (event.data.fd == listener_) {
          accept_all();
        } else if (event.events & EPOLLOUT) {
          flush(event.data.fd);
        } else {
          read(event.data.fd);
        }
      }
      send_due_events();
    }
  }

 private:
  struct Due {
    int64_t at;
    int fd;
  };

  void watch(int fd, uint32_t what, int operation) {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    epoll_ctl(epoll_, operation, fd, &event);
  }

  void accept_all() {
    while (true) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      bench::no_delay(fd);
      connections_[fd] = {};
      watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    }
  }

  void drop(int fd) {
    close(fd);
    connections_.erase(fd);
    std::erase_if(due_, [&](const Due& due) { return due.fd == fd; });
  }

  void read(int fd) {
    Connection& connection = connections_.at(fd);
    char buffer[16384];
    const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0 || connection.in.size() > kRequestBytesMax) return drop(fd);
    connection.in.append(buffer, size_t(size));
    size_t end;
    while ((end = connection.in.find("\r\n\r\n")) != std::string::npos) {
      const std::string_view head = std::string_view(connection.in).substr(0, end);
      const size_t begin = head.find(' ') + 1;
      std::string path(head.substr(begin, head.find_first_of(" ?", begin) - begin));
      connection.in.erase(0, end + 4);
      answer(fd, connection, path);
    }
    if (!connection.out.empty()) flush(fd);
  }

  void answer(int fd, Connection& connection, const std::string& path) {
    if (path == "/sse") {
      connection.out +=
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
          "Transfer-Encoding: chunked\r\n\r\n";
      due_.push_back({now_ns() + period_ns_, fd});
      return;
    }
    const auto at = answers_.find(path);
    connection.out += at == answers_.end() ? other_ : at->second;
  }

  void flush(int fd) {
    Connection& connection = connections_.at(fd);
    const ssize_t size = send(fd, connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN) return drop(fd);
    if (size > 0) connection.out.erase(0, size_t(size));
    const bool waits = !connection.out.empty();
    if (waits != connection.waits)
      watch(fd, EPOLLIN | (waits ? uint32_t(EPOLLOUT) : 0u), EPOLL_CTL_MOD);
    connection.waits = waits;
  }

  // All periods are equal, so who was served goes to the end of the line.
  void send_due_events() {
    while (!due_.empty() && due_.front().at <= now_ns()) {
      Due due = due_.front();
      due_.pop_front();
      due.at += period_ns_;
      due_.push_back(due);
      const std::string event = fmt::format("data: {}\n\n", now_ns());
      connections_.at(due.fd).out += fmt::format("{:x}\r\n{}\r\n", event.size(), event);
      flush(due.fd);
    }
  }

  const int64_t period_ns_;
  int listener_ = -1, epoll_ = -1;
  std::unordered_map<std::string, std::string> answers_;
  std::string other_;
  std::unordered_map<int, Connection> connections_;
  std::deque<Due> due_;  // by time
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: bench_edge_origin IPv4:port [event period in ms]\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const int64_t period_ms = count > 2 ? std::atoll(arguments[2]) : 20;
  Origin(arguments[1], period_ms * 1'000'000).run();
}
