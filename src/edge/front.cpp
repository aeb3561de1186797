// SPDX-License-Identifier: Apache-2.0
#include "edge/front.h"

#include <fmt/format.h>

#include <iterator>

#include "base/escape.h"
#include "edge/fill_job.h"
#include "edge/hit.h"
#include "edge/transaction.h"
#include "steer/steer.h"
#include "wire/http/hop_by_hop.h"

namespace sealane::edge {

using wire::http::Framing;

void Front::handle() {
  if (head_.content_length > context_.edge().body_bytes_max) {
    return client_.refuse(413, "The request body is larger than this node takes.");
  }
  if (wire::http::HopByHop(head_.fields).overflowed()) {
    return client_.refuse(400, "The Connection field names too many fields.");
  }
  const auto group = context_.hosts().find(head_.host);
  if (group) {
    caller_.group = *group;
  } else if (caller_.probe) {
    caller_.group = context_.plan().public_group;
  } else {
    return client_.refuse(421, "This node does not serve the host that was asked for.");
  }
  caller_.generation = context_.generation();
  if (head_.target.starts_with("/.sealane/")) return reserved();
  switch (viewer_gate(context_.edge().viewer_protocol, caller_.tls,
                      caller_.from_node || caller_.probe)) {
    case Gate::open: break;
    case Gate::redirect: return redirect();
    case Gate::forbid: return client_.refuse(403, "Use https.");
  }
  if (ends_here()) return;
  if (caller_.probe && answer_probe()) return;
  if (try_cache()) return;
  relay("Pass");
}

void Front::own(const OwnAnswer& answer) {
  const bool keep = client_.viewer().keep_alive && head_.framing == Framing::none;
  std::string& text = context_.head_text;
  text.clear();
  compose_own(text, answer, client_.viewer(), keep, context_.region_name(),
              context_.lane.clock.wall());
  context_.count.count_status(answer.status);
  client_.write(text);
  client_.answered_at_once();
}

void Front::nothing_stored() {
  const bool keep = client_.viewer().keep_alive && head_.framing == Framing::none;
  std::string& text = context_.head_text;
  text.clear();
  compose_problem(text,
                  {.status = 504,
                   .detail = "Nothing is stored that will do, and the request wants nothing else.",
                   .reason = "only-if-cached",
                   .region = context_.region_name()},
                  client_.viewer(), keep, context_.region_name(), context_.lane.clock.wall());
  context_.count.count_status(504);
  client_.write(text);
  client_.answered_at_once();
}

// RFC 9110 7.6.2: who may not pass on an OPTIONS or TRACE answers it as if the way ended here.
bool Front::ends_here() {
  if (max_forwards(head_) != 0u) return false;
  const bool options = head_.method_id == wire::http::Method::options;
  own({.status = uint16_t(options ? 204 : 405),
       .lines = "Allow: GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE\r\n"});
  return true;
}

void Front::redirect() {
  const std::string_view host =
      head_.host.empty() ? std::string_view(context_.plan().domain) : head_.host;
  const std::string lines =
      "Location: " + https_location(host, context_.plan().ports.https, head_.target) + "\r\n";
  own({.status = redirect_status(head_.method_id), .lines = lines});
}

// A region without agents is up when it can send its users to somebody.
bool Front::answer_probe() {
  if (context_.probes_refused) {
    own({.status = 503,
         .lines = "Cache-Control: no-store\r\n",
         .content_type = "text/plain",
         .body = "draining\n"});
    return true;
  }
  if (!context_.plan().region(context_.here()).agents.empty()) return false;
  const bool up = anyone_healthy(context_.plan(), context_.view(), context_.here());
  own({.status = uint16_t(up ? 200 : 503),
       .lines = "Cache-Control: no-store\r\n",
       .content_type = "text/plain",
       .body = up ? "ok\n" : "no healthy region\n"});
  return true;
}

void Front::reserved() {
  const std::string_view path = path_of(head_.target);
  if (head_.method_id != wire::http::Method::get && head_.method_id != wire::http::Method::head) {
    return own({.status = 405, .lines = "Allow: GET, HEAD\r\n"});
  }
  if (path == "/.sealane/ping") {
    return own(
        {.status = 204, .lines = "Cache-Control: no-store\r\nAccess-Control-Allow-Origin: *\r\n"});
  }
  if (path == "/.sealane/steer") return answer_steer();
  own({.status = 404, .content_type = "text/plain", .body = "no such page\n"});
}

// {"client":"192.0.2.1","ttl_s":5,"reason":...,
//  "order":[{"region":...,"address":...,"healthy":true},...]}
void Front::answer_steer() {
  const plan::Plan& plan = context_.plan();
  const steer::Question question{caller_.group, caller_.client};
  const steer::Choice choice =
      steer::steer(plan, context_.view(), question, context_.lane.dice.roll());
  std::string body = fmt::format(R"({{"client":"{}","region":")", caller_.client.to_string());
  append_json_escaped(body, context_.region_name());
  body += fmt::format(R"(","ttl_s":{},"order":[)", choice.ttl_s);
  for (size_t i = 0; i < choice.order.size(); ++i) {
    const plan::Endpoint& endpoint = plan.endpoint(choice.order[i]);
    body += i == 0 ? R"({"region":")" : R"(,{"region":")";
    append_json_escaped(body, plan.region(endpoint.region).name);
    body += fmt::format(R"(","address":"{}","healthy":{}}})", endpoint.address.to_string(),
                        context_.view().healthy(choice.order[i]));
  }
  body += R"(],"reason":")";
  append_json_escaped(body, steer::explain(plan, context_.view(), question, choice));
  body += "\"}\n";
  own({.status = 200, .lines = "Cache-Control: no-store\r\nAccess-Control-Allow-Origin: *\r\n",
       .content_type = "application/json", .body = body});
}

// ── the cache ────────────────────────────────────────────────────────────────────────────────────

bool Front::try_cache() {
  if (caller_.probe || head_.framing != Framing::none || head_.upgrade) return false;
  const plan::CacheRule* found_rule = find_rule(context_.edge().cache, path_of(head_.target));
  if (found_rule == nullptr || found_rule->mode == plan::CacheRule::Mode::pass) return false;
  const cache::Rule rule = rule_of(*found_rule);
  const cache::Asked asked{head_.method, head_.fields};
  const cache::Way way = cache::way(rule, asked);
  if (way == cache::Way::pass) return false;

  const Instant now = context_.now();
  const std::string& service = context_.plan().group(caller_.group).name;
  const cache::Key key =
      cache::make_key(context_.key_text, context_.shared.secret, service, head_.target);
  const cache::Index::Found found = context_.index.find(key, head_.fields, now);
  if (found.stored == nullptr) {
    context_.count.misses.add();
    if (cache::wants_only_stored(rule, asked)) return nothing_stored(), true;
    if (found.pass || way == cache::Way::lookup) return relay("Miss"), true;
    return from_fill(rule, key, nullptr), true;
  }
  const std::shared_ptr<const cache::Stored>& stored = *found.stored;
  switch (cache::use(rule, stored->freshness, stored->got_at, asked, now)) {
    case cache::Use::fresh: return send_hit(stored), true;
    case cache::Use::refresh:
      // The copy keeps the object: the refresh may change the index.
      if (!found.back_off) refresh_in_background(rule, key, std::shared_ptr(stored));
      if (const auto again = context_.index.find(key, head_.fields, now); again.stored != nullptr) {
        send_hit(*again.stored);
        return true;
      }
      return false;
    case cache::Use::validate:
      if (found.back_off && cache::may_serve_on_error(stored->freshness, stored->got_at, now)) {
        context_.count.stale.add();
        return send_hit(stored), true;
      }
      context_.count.misses.add();
      if (way == cache::Way::lookup) return relay("Miss"), true;
      return from_fill(rule, key, stored), true;
    case cache::Use::unavailable:
      return nothing_stored(), true;
  }
  return false;
}

void Front::send_hit(const std::shared_ptr<const cache::Stored>& stored) {
  context_.count.hits.add();
  const std::string_view rest =
      send_stored(context_, client_, *stored, {head_.method, head_.fields}, "Hit");
  if (rest.empty()) return client_.answered_at_once();
  client_.begin_transaction().send_rest(stored, rest);
}

void Front::from_fill(const cache::Rule& rule, const cache::Key& key,
                      std::shared_ptr<const cache::Stored> stale) {
  const auto joined = context_.fills.join(key, head_.fields, std::move(stale));
  client_.begin_transaction().take_part(Request::copy(head_, caller_), joined, rule, key);
}

void Front::refresh_in_background(const cache::Rule& rule, const cache::Key& key,
                                  const std::shared_ptr<const cache::Stored>& stale) {
  auto fill = context_.fills.begin(key, stale);
  if (!fill) return;
  std::make_shared<FillJob>(context_, std::move(fill), key, rule, Request::copy(head_, caller_))
      ->start();
}

void Front::relay(std::string_view x_cache) {
  if (head_.expect_continue) client_.write("HTTP/1.1 100 Continue\r\n\r\n");
  client_.begin_transaction().relay(Request::copy(head_, caller_), x_cache);
}

}  // namespace sealane::edge
