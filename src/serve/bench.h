// SPDX-License-Identifier: Apache-2.0
// A server on the lane in memory, for tests: an API that answers at once or when the test says so,
// and clients that the test holds in its hand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "port/fake_net.h"
#include "serve/server.h"

namespace sealane::serve {

namespace fake = port::fake;

// Notes what it is asked; answers at once with "<method> <target> <body>", or when the test says
// so.
struct Api : Handler {
  struct Asked {
    const Request* request;
    Responder responder;
  };
  void on_request(const Request& request, Responder responder) override {
    ++asked_count;
    most_at_once = std::max(most_at_once, waiting.size() + 1);
    if (later) {
      waiting.push_back({&request, responder});
    } else {
      answer({&request, responder});
    }
  }
  Answer word_refusal(uint16_t status, std::string_view what, std::string& text) override {
    refused_status = status;
    text.append("{\"message\":\"").append(what).append("\"}");
    return {.content_type = "application/x-amz-json-1.0", .body = text};
  }
  static void answer(const Asked& asked, std::string_view more = {}) {
    const Request& r = *asked.request;
    const std::string body = std::string(r.method) + " " + std::string(r.target) + " " +
                             std::string(r.body) + std::string(more);
    asked.responder.answer({.content_type = "text/plain", .body = body});
  }
  void answer_next() {
    const Asked asked = waiting.front();
    waiting.pop_front();
    answer(asked);
  }
  bool later = false;
  std::deque<Asked> waiting;
  size_t asked_count = 0, most_at_once = 0;
  uint16_t refused_status = 0;
};

struct Bench {
  explicit Bench(const std::function<void(Limits&)>& change = [](Limits&) {}) {
    Options options{.api = "test"};
    change(options.limits);
    server.emplace(lane.lane, api, options);
    EXPECT_TRUE(server->listen({IpAddress::v4(127, 0, 0, 1), 8000}));
  }
  std::shared_ptr<fake::Peer> client() { return lane.call({IpAddress::v4(192, 0, 2, 1), 4000}); }
  uint64_t refused(int status) {
    return lane.counter_value("sealane_serve_refused_total",
                              "api=\"test\",status=\"" + std::to_string(status) + "\"");
  }
  fake::Lane lane;
  Api api;
  std::optional<Server> server;
};

inline std::string post(const std::string& target, const std::string& body,
                        const std::string& lines = "") {
  return "POST " + target +
         " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + lines +
         "\r\n" + body;
}
inline std::string get(const std::string& target, const std::string& lines = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n";
}
inline int status(const std::string& text) {
  return text.starts_with("HTTP/1.1 ") ? std::stoi(text.substr(9, 3)) : 0;
}
inline std::string body(const std::string& text) {
  const size_t at = text.find("\r\n\r\n");
  return at == text.npos ? "" : text.substr(at + 4);
}
inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}
// The bodies of answers one after another, each up to the next status line.
inline std::vector<std::string> bodies(std::string text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t next = std::min(text.find("HTTP/1.1 ", 1), text.size());
    out.push_back(body(text.substr(0, next)));
    text.erase(0, next);
  }
  return out;
}
using Strings = std::vector<std::string>;

}  // namespace sealane::serve
