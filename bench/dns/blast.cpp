// SPDX-License-Identifier: Apache-2.0
// Sends prepared DNS queries as fast as the server answers them: a window of queries under way,
// spread over a few sockets, with sendmmsg and recvmmsg. Prints one line of JSON: what was answered
// in the given time, the rcodes, and how often each last address byte was answered (to see that geo
// answers are spread).
//
//   dns_blast HOST PORT QUERIES SECONDS [WINDOW] [SOCKETS]
//
// QUERIES: each query with a two-byte length in front; they are sent in the order of the file,
// round and round.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kBatchMax = 64;
constexpr auto kLostAfter =
    std::chrono::milliseconds(500);  // without any answer on a socket: its window is lost

struct Counts {
  uint64_t sent = 0, answered = 0, lost = 0, bytes = 0;
  std::array<uint64_t, 16> rcodes{};
  std::array<uint64_t, 256> last_bytes{};
};

std::vector<std::string> read_queries(const char* path) {
  std::ifstream in(path, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(in), {}};
  std::vector<std::string> queries;
  for (size_t at = 0; at + 2 <= all.size();) {
    const size_t bytes = size_t(uint8_t(all[at])) << 8 | uint8_t(all[at + 1]);
    queries.push_back(all.substr(at + 2, bytes));
    at += 2 + bytes;
  }
  return queries;
}

// One socket with its share of the window.
class Line {
 public:
  Line(const sockaddr_in& to, size_t window)
      : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)), window_(window) {
    const int size = 4 << 20;
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      std::perror("connect");
      std::exit(1);
    }
    for (size_t i = 0; i < kBatchMax; ++i) {
      in_io_[i] = {in_bytes_[i].data(), in_bytes_[i].size()};
      in_[i].msg_hdr.msg_iov = &in_io_[i];
      in_[i].msg_hdr.msg_iovlen = 1;
      out_[i].msg_hdr.msg_iov = &out_io_[i];
      out_[i].msg_hdr.msg_iovlen = 1;
    }
  }
  int fd() const { return fd_; }
  size_t under_way() const { return under_way_; }

  void fill(const std::vector<std::string>& queries, size_t& next, Counts& counts) {
    while (under_way_ < window_) {
      const size_t count = std::min(kBatchMax, window_ - under_way_);
      for (size_t i = 0; i < count; ++i) {
        const std::string& query = queries[(next + i) % queries.size()];
        out_io_[i] = {const_cast<char*>(query.data()), query.size()};
      }
      const int sent = ::sendmmsg(fd_, out_.data(), unsigned(count), 0);
      if (sent <= 0) return;
      next += size_t(sent);
      under_way_ += size_t(sent);
      counts.sent += uint64_t(sent);
    }
  }
  void drain(Counts& counts, Clock::time_point now) {
    for (;;) {
      const int got = ::recvmmsg(fd_, in_.data(), kBatchMax, MSG_DONTWAIT, nullptr);
      if (got <= 0) break;
      last_answer_ = now;
      under_way_ -= std::min(under_way_, size_t(got));
      for (size_t i = 0; i < size_t(got); ++i) count(i, counts);
      if (size_t(got) < kBatchMax) break;
    }
    if (under_way_ > 0 && now - last_answer_ > kLostAfter) {
      counts.lost += under_way_;
      under_way_ = 0;
      last_answer_ = now;
    }
  }

 private:
  void count(size_t i, Counts& counts) {
    const auto* p = reinterpret_cast<const uint8_t*>(in_bytes_[i].data());
    const size_t bytes = in_[i].msg_len;
    if (bytes < 12) return;
    ++counts.answered;
    counts.bytes += bytes;
    ++counts.rcodes[p[3] & 15];
    if (p[7] == 0) return;  // no answer record
    // The first answer: behind the question comes a pointer, ten bytes, and the address.
    size_t at = 12;
    while (at < bytes && p[at] != 0) at += size_t{p[at]} + 1;
    at += 5 + 12;
    if (at + 4 <= bytes) ++counts.last_bytes[p[at + 3]];
  }

  int fd_;
  size_t window_, under_way_ = 0;
  Clock::time_point last_answer_ = Clock::now();
  std::array<mmsghdr, kBatchMax> in_{}, out_{};
  std::array<iovec, kBatchMax> in_io_{}, out_io_{};
  std::array<std::array<char, 2048>, kBatchMax> in_bytes_;
};

void print(const Counts& counts, double seconds) {
  std::printf(
      "{\"seconds\": %.4f, \"sent\": %llu, \"answered\": %llu, \"lost\": %llu, \"bytes\": %llu, "
      "\"rcodes\": {",
      seconds, static_cast<unsigned long long>(counts.sent),
      static_cast<unsigned long long>(counts.answered),
      static_cast<unsigned long long>(counts.lost), static_cast<unsigned long long>(counts.bytes));
  const char* comma = "";
  for (size_t i = 0; i < counts.rcodes.size(); ++i) {
    if (counts.rcodes[i] == 0) continue;
    std::printf("%s\"%zu\": %llu", comma, i, static_cast<unsigned long long>(counts.rcodes[i]));
    comma = ", ";
  }
  std::printf("}, \"last_bytes\": {");
  comma = "";
  for (size_t i = 0; i < counts.last_bytes.size(); ++i) {
    if (counts.last_bytes[i] == 0) continue;
    std::printf("%s\"%zu\": %llu", comma, i, static_cast<unsigned long long>(counts.last_bytes[i]));
    comma = ", ";
  }
  std::printf("}}\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: %s HOST PORT QUERIES SECONDS [WINDOW] [SOCKETS]\n", argv[0]);
    return 2;
  }
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(uint16_t(std::atoi(argv[2])));
  if (::inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) return 2;
  const std::vector<std::string> queries = read_queries(argv[3]);
  if (queries.empty()) {
    std::fprintf(stderr, "%s holds no query\n", argv[3]);
    return 2;
  }
  const auto wanted = std::chrono::duration<double>(std::atof(argv[4]));
  const size_t window = argc > 5 ? size_t(std::atoi(argv[5])) : 128;
  const size_t line_count = argc > 6 ? size_t(std::atoi(argv[6])) : 4;

  std::vector<Line> lines;
  lines.reserve(line_count);  // a Line holds pointers into itself
  for (size_t i = 0; i < line_count; ++i)
    lines.emplace_back(to, std::max<size_t>(window / line_count, 1));
  std::vector<pollfd> polled;
  for (const Line& line : lines) polled.push_back({line.fd(), POLLIN, 0});

  Counts counts;
  size_t next = 0;
  const Clock::time_point start = Clock::now();
  for (Clock::time_point now = start; now - start < wanted; now = Clock::now()) {
    for (Line& line : lines) line.fill(queries, next, counts);
    ::poll(polled.data(), polled.size(), 10);
    now = Clock::now();
    for (Line& line : lines) line.drain(counts, now);
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  print(counts, seconds);
  return 0;
}
