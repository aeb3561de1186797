// SPDX-License-Identifier: Apache-2.0
#include "host/http_get.h"

#include <fmt/format.h>

#include <cctype>
#include <iterator>
#include <optional>
#include <vector>

#include "host/loop.h"
#include "host/net.h"
#include "host/resolve.h"
#include "wire/http/reader.h"

namespace sealane::host {
namespace {

constexpr size_t kBodyBytesMax = 64u << 20;

struct Exchange final : port::StreamHandler {
  void on_data(std::span<const char> bytes) override {
    std::string_view in(bytes.data(), bytes.size());
    while (!done) {
      switch (reader.next(in, {}, fields)) {
        case wire::http::Event::more: return;
        case wire::http::Event::head: answer.status = reader.head().status; break;
        case wire::http::Event::body:
          answer.body += reader.body();
          if (answer.body.size() > kBodyBytesMax)
            error = Error{Code::limit, "the answer is too large"}, done = true;
          break;
        case wire::http::Event::end: done = true; break;
        case wire::http::Event::refused:
          error = Error{Code::corrupt, "not an HTTP answer"}, done = true;
          break;
      }
    }
  }
  void on_end() override {
    if (!reader.closed_cleanly() || answer.status == 0)
      error = Error{Code::unavailable, "the answer broke off"};
    done = true;
  }
  void on_error(const Error& e) override { error = e, done = true; }

  wire::http::ResponseReader reader;
  std::vector<wire::http::Field> fields;
  HttpAnswer answer;
  std::optional<Error> error;
  bool done = false;
};

}  // namespace

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) ||
        std::string_view("-._~").find(c) != std::string_view::npos) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

namespace {

Result<HttpAnswer> exchange_with(std::string_view endpoint, std::string_view method,
                                 std::string_view target, std::string_view lines,
                                 std::string_view body, Duration timeout) {
  constexpr std::string_view kScheme = "http://";
  std::string_view authority = endpoint;
  if (authority.starts_with(kScheme)) authority.remove_prefix(kScheme.size());
  while (authority.ends_with('/')) authority.remove_suffix(1);
  const size_t colon = authority.rfind(':');
  auto at = SocketAddress::parse(authority);
  if (!at && colon != authority.npos) {  // a host name instead of an address
    SL_TRY(const IpAddress ip, resolve(std::string(authority.substr(0, colon))));
    at = SocketAddress::parse(
        SocketAddress{ip, 1}.to_string().substr(0, SocketAddress{ip, 1}.to_string().rfind(':')) +
        std::string(authority.substr(colon)));
  }
  if (!at) return fail(Code::invalid, fmt::format("'{}' is not http://ADDRESS:PORT", endpoint));

  Loop loop;
  Net net(loop);
  Exchange exchange;
  const auto stream = net.connect(*at, {.timeout = timeout}, exchange);
  stream->write(fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{}\r\n{}", method,
                            target, authority, lines, body));
  const Instant until = loop.now() + timeout;
  while (!exchange.done && loop.now() < until) loop.turn(until - loop.now());
  if (!exchange.done)
    return fail(Code::timeout, fmt::format("no answer from {} in {} ms", endpoint, to_ms(timeout)));
  if (exchange.error) {
    return fail(exchange.error->code,
                fmt::format("{}: {}; is the world up?", endpoint, exchange.error->what));
  }
  return exchange.answer;
}

}  // namespace

Result<HttpAnswer> http_get(std::string_view endpoint, std::string_view target, Duration timeout) {
  return exchange_with(endpoint, "GET", target, {}, {}, timeout);
}

Result<HttpAnswer> http_post(std::string_view endpoint, std::string_view target,
                             std::string_view lines, std::string_view body, Duration timeout) {
  const std::string all = fmt::format("{}Content-Length: {}\r\n", lines, body.size());
  return exchange_with(endpoint, "POST", target, all, body, timeout);
}

}  // namespace sealane::host
