// SPDX-License-Identifier: Apache-2.0
// What the agent answers, without any I/O: a request in, a response out, or a prompt for the model.
//
// | method and path    | answer                                                                 |
// |--------------------|------------------------------------------------------------------------|
// | GET /health        | 200 {"status":"ok"}; 503 while draining or told to fail                |
// | GET /ping          | 204: for clients that look for the nearest region                      |
// | GET /tools         | JSON schemas of the tools, cacheable                                   |
// | GET /docs/*        | pages, cacheable, 304 for a matching If-None-Match                     |
// | POST /agent        | {prompt, sessionId?, currentRegion?, history?, stream?} -> a turn      |
// | GET /sessions/ID   | the conversation: its turns, and the region that served each           |
// | POST /admin/health | ?status=503&delay=200ms&for=10s: makes /health fail or slow, in drills |
// | OPTIONS *          | CORS preflight                                                         |
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/dice.h"
#include "base/time.h"
#include "sessions.h"
#include "wire/http/head.h"

namespace sealane::agent {

// "200ms", "1.5s", "2min", or a bare number of seconds.
std::optional<Duration> parse_duration(std::string_view text);

struct Request {
  wire::http::Method method = wire::http::Method::get;
  std::string_view target;  // path and query
  std::span<const wire::http::Field> fields;
  std::string_view body;
  bool from_loopback = false;  // the peer's address
};

struct Response {
  uint16_t status = 200;
  std::vector<std::pair<std::string_view, std::string>> fields;  // without Content-Length
  std::string body;
  bool has_body = true;  // false: none may be sent, not even an empty one (204, 304)
  Duration delay{};      // before it is sent
};

// A turn for the model. The conversation is as it was before the prompt: the service's own, or,
// where conversations are kept in a table, taken up() from there first.
struct Generate {
  std::string id;  // of the turn: the client's Idempotency-Key, else of its own
  std::string session;
  std::string prompt;
  size_t turn = 1;
  bool stream = false;
  bool continued = false;  // the session was known here, or its history came along
  Conversation before;
  std::vector<Turn> history;  // that the client sent along, for a session that nobody knows
  std::string replayed;       // not empty: the turn was made before, and this is its reply
};

// A conversation in the table is asked for.
struct Lookup {
  std::string session;
};

class Service {
 public:
  static constexpr size_t kBodyBytesMax = 256 << 10;
  static constexpr size_t kPromptBytesMax = 16 << 10;
  static constexpr size_t kHistoryMax = Sessions::kTurnsMax;

  struct Options {
    std::string region;
    std::string model;  // its name, for people
    Duration delay{};   // before each answer but /health and /ping
    bool has_table = false;  // conversations are kept in a table, not here
  };
  Service(Options options, uint64_t seed);

  using Answer = std::variant<Response, Generate, Lookup>;
  Answer handle(const Request& request, Instant now);
  // With a table: what it has of the turn's session. A turn that is in it already is replayed.
  void take_up(Generate& turn, Conversation stored) const;
  // With a table: what is to be appended for a turn, its client's history before the first one.
  std::vector<Turn> to_append(const Generate& turn, const std::string& reply) const;
  // The answer to a Lookup.
  Response conversation(std::string_view session, const Conversation& stored) const;
  // The table could not be read or written: the turn does not count, and its client is told so.
  Response not_kept(const Error& error) const;
  // The answer to a turn that is not streamed. Remembers the reply.
  Response finish(const Generate& turn, std::string reply);
  // Events of a streamed turn.
  static std::string token_event(const Generate& turn, size_t n, std::string_view token);
  std::string done_event(const Generate& turn, size_t n, std::string reply);
  static std::string error_event(std::string_view message);
  // A JSON error with the headers that every answer has.
  Response error(uint16_t status, std::string_view code, std::string_view message) const;
  Response event_stream() const;  // head only

  void drain() { draining_ = true; }
  const Options& options() const { return options_; }

 private:
  struct Page {
    std::string_view type;
    std::string body, etag;
  };
  Response plain(uint16_t status) const;
  Response json(uint16_t status, std::string body) const;
  Response health(Instant now) const;
  Response admin_health(const Request& request, std::string_view query, Instant now);
  Response page(const Request& request, const Page& page, std::string_view cache) const;
  Response preflight(const Request& request) const;
  Answer agent(const Request& request);
  std::string turn_json(const Generate& turn, const std::string& reply) const;

  const Options options_;
  Dice dice_;
  Sessions sessions_;
  Page tools_;
  std::vector<std::pair<std::string, Page>> docs_;  // by path
  bool draining_ = false;
  uint16_t told_status_ = 200;  // by /admin/health
  Duration told_delay_{};
  Instant told_until_{};
};

}  // namespace sealane::agent
