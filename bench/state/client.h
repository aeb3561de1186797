// SPDX-License-Identifier: Apache-2.0
// What both clients have in common: signed requests of DynamoDB's API, connections, and answers
// taken off the wire.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../edge/socket.h"
#include "wire/sigv4.h"

namespace bench {

// Whole requests, signed: good for a quarter of an hour, and as often as you like.
class Writer {
 public:
  Writer(std::string host, std::string region, const std::string& credentials_file)
      : host_(std::move(host)), region_(std::move(region)) {
    std::ifstream file(credentials_file);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    auto keys = sealane::wire::AwsKeyring::parse(text);
    if (!keys || keys->keys().empty()) {
      std::fprintf(stderr, "%s: no access keys\n", credentials_file.c_str());
      std::exit(2);
    }
    keys_ = std::move(*keys);
  }

  std::string request(std::string_view operation, std::string_view body) {
    const std::string target = fmt::format("DynamoDB_20120810.{}", operation);
    const sealane::wire::http::Field fields[] = {
        {"Host", host_}, {"Content-Type", "application/x-amz-json-1.0"}, {"X-Amz-Target", target}};
    std::string out = "POST / HTTP/1.1\r\n";
    for (const auto& [name, value] : fields)
      out.append(name).append(": ").append(value).append("\r\n");
    const auto now =
        std::chrono::time_point_cast<sealane::WallTime::duration>(std::chrono::system_clock::now());
    signer_.sign({"POST", "/", fields, body}, keys_.keys().front(), {region_, "dynamodb"}, now,
                 out);
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n\r\n", body.size());
    return out.append(body);
  }

 private:
  const std::string host_, region_;
  sealane::wire::AwsKeyring keys_;
  sealane::wire::sigv4::Signer signer_;
};

// A blocking connect, then a socket that never blocks, watched for input as `index`.
inline int connect_to(const sockaddr_in& to, int epoll, uint32_t index) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  no_delay(fd);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) die("connect");
  fcntl(fd, F_SETFL, O_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = index;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  return fd;
}

// A request is far smaller than a socket's buffer, so one send takes it.
inline void send_all(int fd, std::string_view bytes) {
  if (send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) != ssize_t(bytes.size())) die("send");
}

// Appends what has come; false: nothing has. A server that closes ends the bench.
inline bool receive_more(int fd, std::string& received) {
  char buffer[65536];
  const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
  if (size < 0 && errno == EAGAIN) return false;
  if (size <= 0) die("the server closed the connection");
  received.append(buffer, size_t(size));
  return true;
}

struct Answer {
  bool is_good = false;  // 200, or no error of redis
  std::string_view head, body;
};

// The answer at the front of `bytes`, if it is there as a whole; `size` is its length.
inline bool take_http(std::string_view bytes, Answer& out, size_t& size) {
  constexpr std::string_view kLength = "ontent-Length: ", kLengthLower = "ontent-length: ";
  const size_t end = bytes.find("\r\n\r\n");
  if (end == bytes.npos) return false;
  out.head = bytes.substr(0, end + 2);
  size_t at = out.head.find(kLength);
  if (at == out.head.npos) at = out.head.find(kLengthLower);
  size_t length = 0;
  if (at != out.head.npos) {
    const char* digits = out.head.data() + at + kLength.size();
    std::from_chars(digits, out.head.data() + out.head.size(), length);
  }
  size = end + 4 + length;
  if (bytes.size() < size) return false;
  out.is_good = out.head.starts_with("HTTP/1.1 200");
  out.body = bytes.substr(end + 4, length);
  return true;
}

// RESP: "+OK", "-ERR ...", "$1024" with that many bytes behind it, "$-1" for a key that is not
// there.
inline bool take_resp(std::string_view bytes, Answer& out, size_t& size) {
  const size_t end = bytes.find("\r\n");
  if (end == bytes.npos) return false;
  out.head = bytes.substr(0, end);
  int length = 0;
  const bool has_body = out.head.starts_with('$');
  if (has_body) std::from_chars(out.head.data() + 1, out.head.data() + out.head.size(), length);
  out.is_good = !out.head.starts_with('-') && length >= 0;
  size = end + 2 + (has_body && length >= 0 ? size_t(length) + 2 : 0);
  if (bytes.size() < size) return false;
  if (has_body && length > 0) out.body = bytes.substr(end + 2, size_t(length));
  return true;
}

// Sorts what it is given.
inline double percentile_us(std::vector<int64_t>& values_ns, double p) {
  if (values_ns.empty()) return -1;
  const auto at = values_ns.begin() + std::ptrdiff_t(double(values_ns.size() - 1) * p);
  std::nth_element(values_ns.begin(), at, values_ns.end());
  return double(*at) / 1000;
}

}  // namespace bench
