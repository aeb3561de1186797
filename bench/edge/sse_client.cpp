// SPDX-License-Identifier: Apache-2.0
// Holds many event streams open and measures how old each event is when it arrives: the origin
// writes the steady clock's nanoseconds into it. One line of JSON at the end, times in
// microseconds. bench_edge_sse 127.0.0.1:8080 HOST STREAMS SECONDS The streams open one after the
// other over the period, so that they do not tick together; the first half second counts for the
// time to the first byte only.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "socket.h"

namespace {

using bench::die;
using bench::now_ns;

constexpr int64_t kWarmUp_ns = 500'000'000;
constexpr std::string_view kMark = "data: ";

struct Stream {
  int fd = -1;
  int64_t asked_at = 0;
  bool began = false;
  std::string rest;  // an event that is not whole yet
};

struct Samples {
  std::vector<double> event_us, first_byte_us;
  uint64_t ended = 0;
};

double percentile(std::vector<double>& values, double p) {
  if (values.empty()) return -1;
  const auto at = values.begin() + std::ptrdiff_t(double(values.size() - 1) * p);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

void open(Stream& stream, int epoll, const sockaddr_in& to, const std::string& request,
          uint32_t index) {
  stream.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bench::no_delay(stream.fd);
  if (connect(stream.fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) die("connect");
  fcntl(stream.fd, F_SETFL, O_NONBLOCK);
  stream.asked_at = now_ns();
  if (send(stream.fd, request.data(), request.size(), MSG_NOSIGNAL) != ssize_t(request.size()))
    die("send");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = index;
  epoll_ctl(epoll, EPOLL_CTL_ADD, stream.fd, &event);
}

// The time stamps stand between "data: " and the end of the line; chunk lines between events are
// passed over.
void take(Stream& stream, std::string_view bytes, int64_t now, bool counts, Samples& out) {
  stream.rest.append(bytes);
  std::string_view text = stream.rest;
  while (true) {
    const size_t mark = text.find(kMark);
    if (mark == std::string_view::npos) {
      if (text.size() >= kMark.size()) text.remove_prefix(text.size() - kMark.size() + 1);
      break;
    }
    const size_t end = text.find('\n', mark);
    if (end == std::string_view::npos) {
      text.remove_prefix(mark);
      break;
    }
    const int64_t sent_at = std::atoll(text.data() + mark + kMark.size());
    if (counts && sent_at > 0) out.event_us.push_back(double(now - sent_at) / 1000);
    text.remove_prefix(end + 1);
  }
  stream.rest = std::string(text);
}

void receive(Stream& stream, int64_t counts_from, Samples& out) {
  char buffer[16384];
  const ssize_t size = recv(stream.fd, buffer, sizeof buffer, 0);
  const int64_t now = now_ns();
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) {
    ++out.ended;
    close(stream.fd);
    return;
  }
  if (!stream.began) out.first_byte_us.push_back(double(now - stream.asked_at) / 1000);
  stream.began = true;
  take(stream, {buffer, size_t(size)}, now, now >= counts_from, out);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) {
    std::fprintf(stderr, "usage: bench_edge_sse IPv4:port HOST STREAMS SECONDS\n");
    return 2;
  }
  const sockaddr_in to = bench::address(arguments[1]);
  const std::string request = fmt::format(
      "GET /sse HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n\r\n", arguments[2]);
  std::vector<Stream> streams(size_t(std::atoi(arguments[3])));
  const int64_t seconds = std::atoll(arguments[4]);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);

  Samples samples;
  std::vector<epoll_event> events(256);
  const int64_t begin = now_ns();
  const int64_t counts_from = begin + kWarmUp_ns, stop = counts_from + seconds * 1'000'000'000;
  const int64_t spread_ns = 200'000'000 / int64_t(std::max<size_t>(streams.size(), 1));
  size_t opened = 0;
  for (int64_t now = begin; now < stop; now = now_ns()) {
    while (opened < streams.size() && now >= begin + int64_t(opened) * spread_ns) {
      open(streams[opened], epoll, to, request, uint32_t(opened));
      ++opened;
    }
    const int ready = epoll_wait(epoll, events.data(), int(events.size()), 1);
    if (ready < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < ready; ++i) {
      receive(streams[events[size_t(i)].data.u32], counts_from, samples);
    }
  }
  fmt::print(
      "{{\"events\": {}, \"seconds\": {}, \"p50_us\": {:.1f}, \"p99_us\": {:.1f}, \"ttfb_p50_us\": "
      "{:.1f}, "
      "\"ttfb_p99_us\": {:.1f}, \"ended\": {}}}\n",
      samples.event_us.size(), seconds, percentile(samples.event_us, 0.5),
      percentile(samples.event_us, 0.99), percentile(samples.first_byte_us, 0.5),
      percentile(samples.first_byte_us, 0.99), samples.ended);
}
