// SPDX-License-Identifier: Apache-2.0
#include "edge/fetch.h"

#include <algorithm>
#include <array>

#include "wire/http/status.h"

namespace sealane::edge {

using wire::http::Framing;

namespace {

// The same to whoever is in the middle of speaking to it.
bool is_same(const plan::Plan& before, const plan::Endpoint& a, const plan::Plan& after,
             const plan::Endpoint& b) {
  return a.kind == b.kind && a.address == b.address && a.tls == b.tls && a.host == b.host &&
         a.base_path == b.base_path && before.region(a.region).name == after.region(b.region).name;
}

}  // namespace

Fetch::Fetch(Context& context, std::shared_ptr<const Request> request, FetchSink& sink,
             Options options)
    : context_(context),
      request_(std::move(request)),
      sink_(&sink),
      options_(std::move(options)),
      exchange_(options_.for_fill || request_->repeatable(),
                uint8_t(std::min<size_t>(context.edge().attempts_max, kAttemptsMax))),
      seen_(context.options.sessions == nullptr || options_.for_fill || request_->caller.probe
                ? Seen{}
                : seen_in(request_->fields, context.edge().session_cookie)),
      body_done_(request_->head.framing == Framing::none),
      in_burst_(options_.in_burst),
      began_at_(context.now()) {
  context_.watch(*this);
}

Fetch::~Fetch() {
  context_.unwatch(*this);
  if (connection_ != nullptr) connection_->abandon();
  leave_endpoint();
}

void Fetch::start() { attempt(); }

std::optional<Pick> Fetch::pick() {
  const Caller& caller = request_->caller;
  const Ask ask{.here = context_.here(),
                .group = context_.group_of(*request_),
                .client = caller.client,
                .stay = caller.hop || caller.probe,
                .dice = context_.lane.dice.roll()};
  return next_origin(context_.plan(), context_.view(), ask, tried_, context_.loads);
}

void Fetch::attempt() {
  if (const auto next = pick()) {
    // Whether or not it may be repeated decides how old a connection it may ride on.
    go_to(*next, exchange_.repeatable() ? OriginPool::Want::any : OriginPool::Want::young);
  } else {
    fail(Trouble::no_endpoint);
  }
}

void Fetch::go_to(const Pick& pick, OriginPool::Want want) {
  const plan::Endpoint& endpoint = context_.plan().endpoint(pick.endpoint);
  if (must_wait_for_tables(endpoint)) return wait_for_tables();
  endpoint_ = pick.endpoint;
  last_resort_ = pick.last_resort;
  tried_.last_resort |= pick.last_resort;
  tried_.endpoints.push_back(pick.endpoint);
  region_ = context_.plan().region(endpoint.region).name;
  from_node_ = endpoint.kind == plan::EndpointKind::node;
  check_timeout_ = endpoint.check.timeout;
  connect(want);
}

// An agent of this region reads and writes this node's tables. Another region's node waits for its
// own.
bool Fetch::must_wait_for_tables(const plan::Endpoint& endpoint) const {
  return !seen_.empty() && !has_waited_ && endpoint.kind != plan::EndpointKind::node &&
         !(seen_.session.empty() && context_.options.sessions->has_reached(seen_.token));
}

void Fetch::wait_for_tables() {
  using Reached = port::Sessions::Reached;
  has_waited_ = true;
  context_.count.session_waits.add();
  waiting_ = std::make_shared<Fetch*>(this);
  const Duration patience = context_.plan().state.stale_after;
  waiting_timer_ = context_.lane.timers.make([this, patience] {
    tables_reached({.stale_ms = std::max<uint64_t>(1, uint64_t(to_ms(patience))), .ahead = {}});
  });
  waiting_timer_->arm_at(context_.now() + patience + kTablesPatience);
  context_.options.sessions->when_reached(
      context_.lane, std::string(seen_.token), std::string(seen_.session), patience,
      [waiting = std::weak_ptr(waiting_)](const Reached& reached) {
        if (const auto alive = waiting.lock()) (*alive)->tables_reached(reached);
      });
}

void Fetch::tables_reached(const port::Sessions::Reached& reached) {
  waiting_.reset();
  waiting_timer_->disarm();
  stale_ms_ = reached.stale_ms;
  context_.refresh();
  if (stale_ms_ == 0) return attempt();
  context_.count.session_stale.add();
  if (const auto node = node_of(reached.ahead)) return go_to(*node, OriginPool::Want::young);
  if (seen_.refuses_stale) return fail(Trouble::behind);
  attempt();
}

// A region whose tables have what ours lack is worth the way there.
std::optional<Pick> Fetch::node_of(std::string_view region) {
  const auto id = context_.plan().find_region(region);
  if (!id || *id == context_.here() || request_->caller.hop) return std::nullopt;
  for (const plan::EndpointId node : context_.plan().region(*id).nodes) {
    if (context_.view().healthy(node)) return Pick{.endpoint = node};
  }
  return std::nullopt;
}

void Fetch::connect(OriginPool::Want want) {
  ++context_.loads[plan::index(*endpoint_)];
  loaded_ = true;
  ready_ = corked_ = false;
  connection_ = context_.origins->acquire(*endpoint_, want);
  exchange_.attempt_began(connection_ != nullptr && connection_->is_reused());
  if (connection_ == nullptr) return trouble(Trouble::connections_max);
  connection_->attach(*this,
                      request_->head.method_id == wire::http::Method::head && !options_.for_fill);
  if (connection_->is_open()) send_request();
}

std::string_view Fetch::service_name() const {
  const plan::Plan& plan = context_.plan();
  const auto found =
      std::ranges::find(plan.names, context_.group_of(*request_), &plan::SteeredName::group);
  return found == plan.names.end() ? plan.domain : found->name;
}

void Fetch::on_origin_open() { send_request(); }

void Fetch::send_request() {
  connect_time_ = context_.now() - began_at_;
  sent_at_ = context_.now();
  ready_ = ever_sent_ = true;
  exchange_.request_sent();
  std::string& text = context_.head_text;
  text.clear();
  compose_request(text, *request_,
                  {.endpoint = context_.plan().endpoint(*endpoint_),
                   .here = context_.region_name(),
                   .extra_lines = options_.extra_lines,
                   .for_fill = options_.for_fill,
                   .host = options_.for_fill ? service_name() : request_->head.host});
  if (request_->head.framing == Framing::none) {
    connection_->write(std::array<std::string_view, 1>{text});
    connection_->request_complete();
  } else {
    send_with_body(text);
  }
  if (held_.size() > kHeldMax) {
    std::string().swap(held_);
    exchange_.body_let_go();
  }
  touch();
  if (!body_done_ && !congested()) sink_->on_fetch_room();
}

// The head with what there is of the body: one write, now or when the client's burst is over.
void Fetch::send_with_body(std::string_view head) {
  cork();
  context_.request_cork.copy(head);
  if (!held_.empty()) {
    write_body(held_);
    in_burst_ = false;  // sent again: what is held may move while the burst lasts
  }
  if (body_done_) write_end();
  if (!in_burst_) flush();
}

void Fetch::write_body(std::string_view bytes) {
  cork();
  if (request_->head.framing == Framing::chunked) {
    const wire::http::ChunkSize size(bytes.size());
    context_.request_cork.add(std::array<std::string_view, 3>{size.view(), bytes, "\r\n"});
  } else {
    context_.request_cork.add({&bytes, 1});
  }
}

void Fetch::write_end() {
  if (request_->head.framing == Framing::chunked) {
    cork();
    context_.request_cork.copy(wire::http::kLastChunk);
  }
  connection_->request_complete();
}

void Fetch::cork() {
  if (std::exchange(corked_, true)) return;
  context_.request_cork.clear();
}

bool Fetch::flush() {
  in_burst_ = false;
  if (!std::exchange(corked_, false) || connection_ == nullptr || !ready_) return false;
  connection_->write(context_.request_cork.views());
  return true;
}

void Fetch::send_body(std::string_view bytes) {
  if (over_ || bytes.empty()) return;
  const bool fits = held_.size() + bytes.size() <= kHeldMax;
  if (ready_) {
    write_body(bytes);
    touch();
    if (exchange_.body_held() && !fits) {
      std::string().swap(held_);
      exchange_.body_let_go();
    }
  }
  // Before the connection stands everything is kept; the client is paused at kHeldMax
  // (congested()).
  if (!ready_ || (exchange_.body_held() && fits)) held_.append(bytes);
}

void Fetch::end_body() {
  if (over_ || body_done_) return;
  body_done_ = true;
  if (ready_) write_end();
}

bool Fetch::congested() const {
  if (!ready_) return held_.size() >= kHeldMax;
  return connection_ != nullptr && connection_->pending_bytes() > kBacklogMax;
}

void Fetch::on_origin_drained() {
  if (!body_done_ || tunnel_) sink_->on_fetch_room();
}

void Fetch::touch() {
  if (connection_ == nullptr) return;
  Duration patience =
      exchange_.is_delivered() ? context_.edge().idle_timeout : context_.edge().first_byte_timeout;
  if (last_resort_ && !exchange_.is_delivered()) patience = std::min(patience, kLastResortPatience);
  if (request_->caller.probe && !from_node_) patience = check_timeout_;
  if (failing_) patience = std::min<Duration>(patience, kUnhealthyGrace);
  // While the client does not take what came, silence is not the origin's fault.
  connection_->set_deadline(paused_ ? kNever : context_.now() + patience);
}

void Fetch::pause() {
  paused_ = true;
  if (connection_ != nullptr) connection_->pause();
  touch();
}

void Fetch::resume() {
  if (!paused_) return;
  paused_ = false;
  if (connection_ != nullptr) connection_->resume();
  touch();
}

void Fetch::on_origin_head(const wire::http::ResponseHead& head) {
  exchange_.answer_began();
  // we have answered the expectation ourselves
  if (head.status < 200 && head.status != 101) return;
  if (head.status == 101 && !request_->head.upgrade) return trouble(Trouble::bad_answer);
  if (from_node_ && (head.status == 502 || head.status == 503 || head.status == 504)) {
    const Trouble what = wire::http::find(head.fields, kUnprocessedField) ? Trouble::unprocessed
                                                                          : Trouble::gateway_status;
    // Only when there is somebody else: an error from afar is better than one that we make up.
    if (exchange_.on_trouble(what) == Exchange::Next::elsewhere) {
      if (const auto next = pick()) {
        context_.count.retries.add();
        std::exchange(connection_, nullptr)->abandon();
        leave_endpoint();
        return go_to(*next, OriginPool::Want::any);
      }
    }
  }
  first_byte_time_ = context_.now() - sent_at_;
  if (from_node_) {
    if (const auto region = wire::http::find(head.fields, "sealane-region")) region_ = *region;
  }
  exchange_.delivered();
  std::string().swap(held_);
  if (head.status == 101) {
    tunnel_ = true;
    connection_->become_tunnel();
  }
  touch();
  sink_->on_fetch_head(head);
}

void Fetch::on_origin_body(std::string_view bytes) {
  touch();
  sink_->on_fetch_body(bytes);
}

void Fetch::on_origin_end() {
  connection_ = nullptr;
  over_ = true;
  ready_ = false;
  leave_endpoint();
  context_.unwatch(*this);
  sink_->on_fetch_end();
}

void Fetch::on_origin_trouble(Trouble what) {
  connection_ = nullptr;
  trouble(what);
}

void Fetch::on_origin_deadline() {
  trouble(exchange_.is_delivered() ? (failing_ ? Trouble::unhealthy : Trouble::idle_timeout)
                                   : Trouble::first_byte_timeout);
}

void Fetch::trouble(Trouble what) {
  if (over_) return;
  if (connection_ != nullptr) std::exchange(connection_, nullptr)->abandon();
  const auto endpoint = endpoint_;
  const auto next = exchange_.on_trouble(what);
  // A kept-alive connection that was closed meanwhile says nothing about the endpoint.
  if (endpoint && next != Exchange::Next::fresh) context_.suspect(*endpoint, suspicion(what));
  leave_endpoint();
  ready_ = false;
  switch (next) {
    case Exchange::Next::fresh:
      context_.count.retries.add();
      if (!endpoint) return attempt();
      endpoint_ = endpoint;
      return connect(OriginPool::Want::fresh);
    case Exchange::Next::elsewhere: {
      const auto other = pick();
      if (!other) return fail(what);
      const bool moved = what == Trouble::unhealthy || what == Trouble::withdrawn;
      (moved ? context_.count.moved_on : context_.count.retries).add();
      return go_to(*other,
                   exchange_.repeatable() ? OriginPool::Want::any : OriginPool::Want::young);
    }
    case Exchange::Next::give_up:
    case Exchange::Next::cut:
      return fail(what);
  }
}

void Fetch::fail(Trouble what) {
  over_ = true;
  context_.unwatch(*this);
  context_.count.origin_failures.add();
  Failure failure{.trouble = what,
                  .status = status_of(what, exchange_.sent()),
                  .region = region_.empty() ? context_.region_name() : region_,
                  .unprocessed = !ever_sent_};
  sink_->on_fetch_failed(failure);
}

void Fetch::leave_endpoint() {
  if (loaded_ && endpoint_) --context_.loads[plan::index(*endpoint_)];
  loaded_ = false;
  endpoint_.reset();
}

void Fetch::tunnel(std::string_view bytes) {
  if (connection_ == nullptr) return;
  touch();
  connection_->write(std::array<std::string_view, 1>{bytes});
}

void Fetch::tunnel_end() {
  if (connection_ != nullptr) connection_->end();
}

void Fetch::view_moved() {
  if (over_) return;
  // What was sent to an endpoint that has left the plan is answered by it, and a body or a tunnel
  // goes on: who takes an agent away lets it finish. What is only connecting goes elsewhere.
  if (!endpoint_ && connection_ != nullptr && !ready_) return trouble(Trouble::withdrawn);
  // A probe goes to an endpoint that is believed down on purpose.
  if (!endpoint_ || request_->caller.probe) return;
  const bool down = !context_.view().healthy(*endpoint_);
  if (last_resort_) {
    // So does a last resort, but only for want of a better one. When it is well again it is an
    // endpoint like any other; when another is, what may be repeated need not wait for an answer
    // that will hardly come.
    if (!down) {
      last_resort_ = false;
      touch();
    } else if (!exchange_.is_delivered() &&
               exchange_.on_trouble(Trouble::unhealthy) == Exchange::Next::elsewhere && pick()) {
      trouble(Trouble::unhealthy);
    }
    return;
  }
  if (!exchange_.is_delivered()) {
    if (down) trouble(Trouble::unhealthy);
  } else if (down != failing_) {
    failing_ = down;
    touch();
  }
}

void Fetch::plan_moved(const plan::Plan& before, const plan::Plan& after) {
  tried_ = {};
  loaded_ = false;  // the loads were counted anew
  if (!endpoint_) return;
  const plan::Endpoint& old = before.endpoint(*endpoint_);
  endpoint_.reset();
  for (size_t i = 0; i < after.endpoints.size(); ++i) {
    if (!is_same(before, old, after, after.endpoints[i])) continue;
    endpoint_ = plan::EndpointId(i);
    tried_.endpoints.push_back(*endpoint_);
    ++context_.loads[i];
    loaded_ = true;
    return;
  }
}

}  // namespace sealane::edge
