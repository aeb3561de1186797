// SPDX-License-Identifier: Apache-2.0
#include "service.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "pages.h"

namespace sealane::agent {
namespace {

using nlohmann::json;
using wire::http::Method;

// Text from outside may not be UTF-8; it is answered with replacement characters, not with an
// exception.
std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string_view parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
      return pair.substr(name.size() + 1);
  }
  return {};
}

constexpr std::string_view kSessionsPath = "/sessions/";

// Percent-decoded (RFC 3986 2.1); nothing when it is not well formed.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned value = 0;
    if (text.size() - i < 3) return std::nullopt;
    const auto [end, bad] = std::from_chars(&text[i + 1], &text[i + 1] + 2, value, 16);
    if (bad != std::errc{} || end != &text[i + 1] + 2) return std::nullopt;
    out += char(value);
    i += 2;
  }
  return out;
}

// The last turns of a long conversation: what a model is given.
Conversation recent(Conversation all) {
  if (all.turns.size() > Sessions::kTurnsMax)
    all.turns.erase(all.turns.begin(), all.turns.end() - ptrdiff_t(Sessions::kTurnsMax));
  return all;
}

// A member that must be a string when it is there: its value, "" when absent, nothing when it is
// not one.
std::optional<std::string> text_member(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return "";
  if (!found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

// [{"role":"user","content":"..."},{"role":"assistant","content":"..."}...] as turns.
std::vector<Turn> turns_of(const json& history) {
  std::vector<Turn> turns;
  if (!history.is_array()) return turns;
  for (const json& message : history) {
    if (!message.is_object()) continue;
    const std::string role = text_member(message, "role").value_or("");
    const std::string content = text_member(message, "content").value_or("");
    if (role == "user") turns.push_back({content, ""});
    if (role == "assistant" && !turns.empty()) turns.back().reply = content;
  }
  return turns;
}

}  // namespace

// "200ms", "1.5s", "2min", or a bare number of seconds.
std::optional<Duration> parse_duration(std::string_view text) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || !(value >= 0) || value > 1e6) return std::nullopt;
  const std::string_view unit = text.substr(size_t(end - text.data()));
  const double scale = unit == "ms"                  ? 1e6
                       : unit == "s" || unit.empty() ? 1e9
                       : unit == "min"               ? 60e9
                                                     : 0;
  if (scale == 0) return std::nullopt;
  return Duration(int64_t(value * scale));
}

Service::Service(Options options, uint64_t seed) : options_(std::move(options)), dice_(seed) {
  auto made = [](std::string_view type, std::string body) {
    std::string etag = fmt::format("\"{:016x}\"", fnv1a(body));
    return Page{type, std::move(body), std::move(etag)};
  };
  tools_ = made("application/json", tools_json());
  for (auto& [path, html] : docs_pages())
    docs_.emplace_back(path, made("text/html; charset=utf-8", html));
}

// ── answers
// ──────────────────────────────────────────────────────────────────────────────────────────

// What every answer carries: browsers of any origin may read it and time it.
Response Service::plain(uint16_t status) const {
  Response response;
  response.status = status;
  response.fields = {{"Access-Control-Allow-Origin", "*"},
                     {"Access-Control-Expose-Headers", "Agent-Region, ETag"},
                     {"Timing-Allow-Origin", "*"}};
  if (!options_.region.empty()) response.fields.emplace_back("Agent-Region", options_.region);
  response.delay = options_.delay;
  return response;
}

Response Service::json(uint16_t status, std::string body) const {
  Response response = plain(status);
  response.fields.emplace_back("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

Response Service::error(uint16_t status, std::string_view code, std::string_view message) const {
  Response response =
      json(status,
           dump({{"error", {{"code", code}, {"message", message}, {"region", options_.region}}}}) +
               "\n");
  response.fields.emplace_back("Cache-Control", "no-store");
  response.delay = {};
  return response;
}

Response Service::event_stream() const {
  Response response = plain(200);
  response.fields.emplace_back("Content-Type", "text/event-stream");
  response.fields.emplace_back("Cache-Control", "no-store");
  response.fields.emplace_back("X-Accel-Buffering",
                               "no");  // nginx on the way must not hold tokens back
  return response;
}

Service::Answer Service::handle(const Request& request, Instant now) {
  const size_t question = std::min(request.target.find('?'), request.target.size());
  const std::string_view path = request.target.substr(0, question);
  const std::string_view query =
      request.target.substr(std::min(question + 1, request.target.size()));
  const bool get = request.method == Method::get || request.method == Method::head;
  auto only = [&](std::string_view allowed) {
    Response response = error(405, "method_not_allowed", fmt::format("{} takes {}", path, allowed));
    response.fields.emplace_back("Allow", allowed);
    return response;
  };

  if (request.method == Method::options) return preflight(request);
  if (path == "/agent")
    return request.method == Method::post ? agent(request) : only("POST, OPTIONS");
  if (path == "/admin/health") {
    return request.method == Method::post ? admin_health(request, query, now) : only("POST");
  }
  if (!get) return only("GET, HEAD, OPTIONS");
  if (path.starts_with(kSessionsPath)) {
    const auto session = decoded(path.substr(kSessionsPath.size()));
    if (!session || !Sessions::is_id(*session))
      return error(400, "invalid", "what follows /sessions/ is no session id");
    if (options_.has_table) return Lookup{*session};
    const Conversation* known = sessions_.find(*session);
    return conversation(*session, known == nullptr ? Conversation{} : *known);
  }
  if (path == "/health") return health(now);
  if (path == "/ping") {
    Response response = plain(204);
    response.fields.emplace_back("Cache-Control", "no-store");
    response.has_body = false;
    response.delay = {};
    return response;
  }
  if (path == "/tools") return page(request, tools_, "public, max-age=300");
  for (const auto& [at, doc] : docs_) {
    if (path == at) return page(request, doc, "public, max-age=3600");
  }
  if (path == "/") {
    return json(200, dump({{"agent", "sealane-demo-agent"},
                           {"region", options_.region},
                           {"model", options_.model},
                           {"conversations", options_.has_table ? "table" : "memory"},
                           {"try",
                            {"POST /agent", "GET /sessions/ID", "GET /tools", "GET /docs/",
                             "GET /health", "GET /ping"}}}) +
                         "\n");
  }
  return error(404, "not_found",
               fmt::format("there is nothing at {}; GET / lists what there is", path));
}

// The preflight of a browser that posts JSON (Fetch Standard 3.3.3): what was asked for is allowed.
Response Service::preflight(const Request& request) const {
  Response response = plain(204);
  response.has_body = false;
  response.delay = {};
  response.fields.emplace_back("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
  response.fields.emplace_back(
      "Access-Control-Allow-Headers",
      find(request.fields, "access-control-request-headers").value_or("content-type"));
  response.fields.emplace_back("Access-Control-Max-Age", "86400");
  response.fields.emplace_back("Vary", "Access-Control-Request-Headers");
  return response;
}

Response Service::page(const Request& request, const Page& page, std::string_view cache) const {
  Response response = plain(200);
  response.fields.emplace_back("Cache-Control", cache);
  response.fields.emplace_back("ETag", page.etag);
  bool unchanged = false;
  if (const auto known = find(request.fields, "if-none-match")) {
    wire::http::each_element(*known, [&](std::string_view tag) {
      if (tag.starts_with("W/")) tag.remove_prefix(2);  // compared weakly (RFC 9110 13.1.2)
      unchanged = unchanged || tag == "*" || tag == page.etag;
    });
  }
  if (unchanged) {
    response.status = 304;
    response.has_body = false;
    return response;
  }
  response.fields.emplace_back("Content-Type", page.type);
  response.body = page.body;
  return response;
}

// ── health, and drills that make it fail
// ─────────────────────────────────────────────────────────────

Response Service::health(Instant now) const {
  const bool told = now < told_until_;
  const uint16_t status = draining_ ? 503 : told ? told_status_ : uint16_t{200};
  const std::string_view word = draining_ ? "draining" : status == 200 ? "ok" : "failing as told";
  Response response = json(
      status,
      dump({{"status", word}, {"region", options_.region}, {"sessions", sessions_.size()}}) + "\n");
  response.delay = told ? told_delay_ : Duration{};
  return response;
}

Response Service::admin_health(const Request& request, std::string_view query, Instant now) {
  // Not for users: neither from another machine nor through a proxy on this one.
  const bool forwarded = find(request.fields, "x-forwarded-for") ||
                         find(request.fields, "forwarded") || find(request.fields, "via");
  if (!request.from_loopback || forwarded) {
    return error(403, "forbidden", "/admin is only for this machine, directly");
  }
  const auto status = parameter(query, "status"), delay = parameter(query, "delay"),
             lasts = parameter(query, "for");
  uint16_t code = 200;
  if (!status.empty()) {
    const auto [end, bad] = std::from_chars(status.data(), status.data() + status.size(), code);
    if (bad != std::errc{} || end != status.data() + status.size() || code < 200 || code > 599) {
      return error(400, "invalid", "status must be 200 to 599");
    }
  }
  const auto wait = delay.empty() ? Duration{} : parse_duration(delay);
  const auto until = lasts.empty() ? Duration(24h) : parse_duration(lasts);
  if (!wait || !until)
    return error(400, "invalid", "delay and for are durations like 200ms, 10s or 2min");
  told_status_ = code, told_delay_ = *wait, told_until_ = now + *until;
  Response response = json(
      200, dump({{"status", code}, {"delay_ms", to_ms(*wait)}, {"for_ms", to_ms(*until)}}) + "\n");
  response.delay = {};
  return response;
}

// ── turns
// ────────────────────────────────────────────────────────────────────────────────────────────

Service::Answer Service::agent(const Request& request) {
  const auto invalid = [&](std::string_view message) { return error(400, "invalid", message); };
  // The Content-Type does not matter: fetch() without one sends text/plain.
  const nlohmann::json body = nlohmann::json::parse(request.body, nullptr, false);
  if (!body.is_object()) {
    return invalid(R"(the body must be a JSON object like {"prompt": "hello", "sessionId": "s1"})");
  }
  const auto prompt = text_member(body, "prompt"), session = text_member(body, "sessionId");
  if (!prompt || prompt->empty()) return invalid("\"prompt\" must be a string that is not empty");
  if (prompt->size() > kPromptBytesMax) {
    return error(413, "limit", fmt::format("\"prompt\" is longer than {} bytes", kPromptBytesMax));
  }
  if (!session || (!session->empty() && !Sessions::is_id(*session))) {
    return invalid(fmt::format("\"sessionId\" must be 1 to {} visible ASCII characters",
                               Sessions::kIdBytesMax));
  }
  const auto history = body.find("history");
  if (history != body.end() && !history->is_array())
    return invalid("\"history\" must be a list of messages");

  Generate turn;
  turn.session =
      session->empty() ? fmt::format("{:016x}{:016x}", dice_.roll(), dice_.roll()) : *session;
  turn.prompt = *prompt;
  const auto accept = find(request.fields, "accept");
  const auto stream = body.find("stream");
  turn.stream = (accept && accept->contains("text/event-stream")) ||
                (stream != body.end() && stream->is_boolean() && stream->get<bool>());
  const auto key = find(request.fields, "idempotency-key");
  turn.id = key && Sessions::is_id(*key) ? std::string(*key) : fmt::format("{:016x}", dice_.roll());
  if (options_.has_table) {
    if (history != body.end()) turn.history = turns_of(*history);
    if (turn.history.size() > kHistoryMax)
      turn.history.erase(turn.history.begin(), turn.history.end() - ptrdiff_t(kHistoryMax));
    return turn;
  }
  Conversation& conversation = sessions_.open(turn.session);
  if (conversation.turn_count == 0 && history != body.end()) {
    // Another region had this session: its turns come with the client.
    std::vector<Turn> turns = turns_of(*history);
    if (turns.size() > kHistoryMax)
      turns.erase(turns.begin(), turns.end() - ptrdiff_t(kHistoryMax));
    if (!turns.empty()) conversation.first_prompt = turns.front().prompt;
    conversation.turn_count = turns.size();
    conversation.turns = std::move(turns);
  }
  turn.continued = conversation.turn_count > 0;
  turn.before = conversation;
  turn.turn = Sessions::begin_turn(
      conversation, {.prompt = turn.prompt, .reply = "", .id = turn.id, .region = options_.region});
  return turn;
}

void Service::take_up(Generate& turn, Conversation stored) const {
  const auto done = std::ranges::find(stored.turns, turn.id, &Turn::id);
  if (done != stored.turns.end()) {
    turn.replayed = done->reply;
    stored.turns.erase(done, stored.turns.end());
    stored.turn_count = stored.turns.size();
  }
  if (stored.turn_count == 0 && turn.replayed.empty()) {
    for (Turn& said : turn.history) {
      said.id = fmt::format("{}.{}", turn.id, stored.turn_count++);
      said.region = options_.region;
    }
    stored.turns = turn.history;
    if (!stored.turns.empty()) stored.first_prompt = stored.turns.front().prompt;
  } else {
    turn.history.clear();
  }
  turn.continued = stored.turn_count > 0;
  turn.turn = stored.turn_count + 1;
  turn.before = recent(std::move(stored));
}

std::vector<Turn> Service::to_append(const Generate& turn, const std::string& reply) const {
  std::vector<Turn> turns = turn.history;
  turns.push_back(
      {.prompt = turn.prompt, .reply = reply, .id = turn.id, .region = options_.region});
  return turns;
}

Response Service::conversation(std::string_view session, const Conversation& stored) const {
  if (stored.turn_count == 0)
    return error(404, "not_found", "there is no such session, or it is over");
  nlohmann::json turns = nlohmann::json::array();
  size_t number = stored.turn_count - stored.turns.size();
  for (const Turn& turn : stored.turns) {
    turns.push_back({{"turn", ++number},
                     {"id", turn.id},
                     {"region", turn.region},
                     {"prompt", turn.prompt},
                     {"reply", turn.reply}});
  }
  Response response = json(200, dump({{"sessionId", session},
                                      {"turns", stored.turn_count},
                                      {"region", options_.region},
                                      {"conversation", turns}}) +
                                    "\n");
  response.fields.emplace_back("Cache-Control", "no-store");
  response.delay = {};
  return response;
}

Response Service::not_kept(const Error& why) const {
  if (why.code == Code::limit) {
    return error(413, "limit",
                 "the conversation is full; begin another session (" + why.what + ")");
  }
  Response response = error(503, "unavailable",
                            "the turn could not be kept; try it again, with an Idempotency-Key "
                            "that stays the same so that "
                            "it counts once (" +
                                why.what + ")");
  response.fields.emplace_back("Retry-After", "1");
  return response;
}

std::string Service::turn_json(const Generate& turn, const std::string& reply) const {
  return dump({{"reply", reply},
               {"sessionId", turn.session},
               {"turn", turn.turn},
               {"turns", turn.turn},
               {"region", options_.region},
               {"continued", turn.continued},
               {"model", options_.model}});
}

Response Service::finish(const Generate& turn, std::string reply) {
  Response response = json(200, turn_json(turn, reply) + "\n");
  response.fields.emplace_back("Cache-Control", "no-store");
  response.delay = {};
  if (!options_.has_table) sessions_.end_turn(turn.session, turn.turn, std::move(reply));
  return response;
}

std::string Service::token_event(const Generate& turn, size_t n, std::string_view token) {
  return fmt::format("event: token\nid: {}-{}\ndata: {}\n\n", turn.turn, n,
                     dump({{"token", token}}));
}

std::string Service::done_event(const Generate& turn, size_t n, std::string reply) {
  std::string event =
      fmt::format("event: done\nid: {}-{}\ndata: {}\n\n", turn.turn, n, turn_json(turn, reply));
  if (!options_.has_table) sessions_.end_turn(turn.session, turn.turn, std::move(reply));
  return event;
}

std::string Service::error_event(std::string_view message) {
  return fmt::format("event: error\ndata: {}\n\n",
                     dump({{"error", {{"code", "unavailable"}, {"message", message}}}}));
}

}  // namespace sealane::agent
