// SPDX-License-Identifier: Apache-2.0
#include "edge/transaction.h"

#include <fmt/format.h>

#include <array>

#include "cache/answer.h"
#include "edge/fill_job.h"
#include "edge/hit.h"
#include "edge/number.h"
#include "wire/http/status.h"

namespace sealane::edge {

using wire::http::Framing;

Transaction::~Transaction() { leave_fill(); }

void Transaction::relay(std::shared_ptr<const Request> request, std::string_view x_cache) {
  request_ = std::move(request);
  request_done_ = request_->head.framing == Framing::none;
  x_cache_ = x_cache;
  context_.count.passes.add();
  fetch_ = std::make_unique<Fetch>(context_, request_, *this,
                                   Fetch::Options{.in_burst = !request_done_});
  fetch_->start();
}

void Transaction::take_part(std::shared_ptr<const Request> request,
                            const cache::Fills::Joined& joined, const cache::Rule& rule,
                            const cache::Key& key) {
  using Part = cache::Fills::Part;
  if (joined.part == Part::alone) return relay(std::move(request), "Miss");
  request_ = std::move(request);
  if (joined.part == Part::follower) {
    return read_fill(context_.jobs.at(joined.fill.get()), joined.reader);
  }
  const auto job = std::make_shared<FillJob>(context_, joined.fill, key, rule, request_);
  read_fill(job, joined.reader);
  job->start();
}

void Transaction::read_fill(std::shared_ptr<FillJob> job, cache::Fill::ReaderId reader) {
  request_done_ = true;
  job_ = std::move(job);
  reader_ = reader;
  x_cache_ = "Miss";
  job_->add_reader(reader, *this);
  pump_fill();
}

void Transaction::send_rest(std::shared_ptr<const cache::Stored> stored, std::string_view rest) {
  stored_ = std::move(stored);
  rest_ = rest;
  begun_ = request_done_ = true;
  on_client_drained();
}

// ── relaying ─────────────────────────────────────────────────────────────────────────────────────

void Transaction::on_fetch_head(const wire::http::ResponseHead& head) {
  std::string& text = context_.head_text;
  std::string& lines = context_.lines_text;
  text.clear();
  lines.clear();
  // What another node tells goes through as it is.
  if (context_.options.sessions != nullptr && !fetch_->from_node()) tell_seen(lines, head);
  framing_ = compose_response(text, head, client_.viewer(),
                              {.x_cache = head.status >= 500 ? "Error" : x_cache_,
                               .region = fetch_->region(),
                               .connect = fetch_->connect_time(),
                               .first_byte = fetch_->first_byte_time(),
                               .now = context_.lane.clock.wall(),
                               .lines = lines});
  begun_ = true;
  context_.count.count_status(head.status);
  FillJob::on_relayed(context_, *request_, head.status);
  cork();
  put(std::array<std::string_view, 1>{text});
  if (head.status == 101) {
    tunnel_ = true;
    client_.begin_tunnel();
    return;
  }
  begin_stream(head.event_stream && framing_ != Framing::length,
               !wire::http::find(head.fields, "content-encoding"));
}

void Transaction::on_fetch_body(std::string_view bytes) {
  cork();
  if (tunnel_) {
    put(std::array<std::string_view, 1>{bytes});
  } else if (!client_.viewer().to_head) {
    write_body(bytes);
  }
}

void Transaction::on_fetch_burst_over() {
  flush();
  if (client_.backlogged() && fetch_) fetch_->pause();
}

void Transaction::put(std::span<const std::string_view> parts) {
  if (corked_) {
    context_.cork.add(parts);
  } else {
    client_.write(parts);
  }
}

// Until the burst is over, or the answer.
void Transaction::cork() {
  if (corked_) return;
  corked_ = true;
  context_.cork.clear();
}

void Transaction::flush() {
  if (!corked_) return;
  corked_ = false;
  client_.write(context_.cork.views());
}

void Transaction::on_fetch_end() {
  context_.bury(std::move(fetch_));
  if (tunnel_) {
    done_ = true;
    flush();
    client_.end_tunnel();
  } else {
    finish();
  }
}

void Transaction::on_fetch_failed(const Failure& failure) {
  context_.bury(std::move(fetch_));
  if (!begun_) return problem(failure);
  flush();
  done_ = true;
  context_.count.cut_answers.add();
  if (!event_stream_) return client_.cut();
  std::string detail;
  const std::string last = terminal_event(problem_of(failure, detail), events_.in_line(), kRetryMs);
  write_body(last);
  finish();
}

void Transaction::on_fetch_room() {
  if (tunnel_ || wants_body()) client_.resume_body();
}

Problem Transaction::problem_of(const Failure& failure, std::string& detail) const {
  detail = fmt::format("Region {}: {}.", failure.region, words(failure.trouble));
  return {.status = failure.status, .detail = detail, .reason = words(failure.trouble),
          .region = failure.region, .unprocessed = failure.unprocessed};
}

void Transaction::problem(const Failure& failure) {
  std::string detail;
  const bool reusable = request_done_ && client_.viewer().keep_alive;
  std::string& text = context_.head_text;
  text.clear();
  compose_problem(text, problem_of(failure, detail), client_.viewer(), reusable,
                  context_.region_name(), context_.lane.clock.wall());
  context_.count.count_status(failure.status);
  begun_ = done_ = true;
  client_.write(text);
  client_.answered(reusable);
}

void Transaction::write_body(std::string_view bytes) {
  if (bytes.empty()) return;
  if (event_stream_) {
    events_.feed(bytes);
    wait_for_events();
  }
  if (framing_ == Framing::chunked) {
    const wire::http::ChunkSize size(bytes.size());
    put(std::array<std::string_view, 3>{size.view(), bytes, "\r\n"});
  } else {
    put(std::array<std::string_view, 1>{bytes});
  }
}

void Transaction::finish() {
  if (framing_ == Framing::chunked && !client_.viewer().to_head) {
    put(std::array<std::string_view, 1>{wire::http::kLastChunk});
  }
  flush();
  done_ = true;
  if (!noted_session_.empty()) context_.options.sessions->note(noted_session_);
  // What of the request was not read stands between us and the next one: close.
  client_.answered(request_done_ && client_.viewer().keep_alive &&
                   framing_ != Framing::until_close);
}

// ── what the client has seen ─────────────────────────────────────────────────────────────────────

void Transaction::tell_seen(std::string& lines, const wire::http::ResponseHead& head) {
  if (request_->caller.probe || head.status == 101) return;
  const Seen& seen = fetch_->seen();
  if (fetch_->stale_ms() > 0) {
    lines.append(kStaleField).append(": ");
    append_number(lines, fetch_->stale_ms());
    lines.append("\r\n");
  }
  const std::string& cookie = context_.edge().session_cookie;
  const Telling how = telling(seen, request_->head.method_id, head.fields, !cookie.empty());
  if (how == Telling::nothing) return;
  const bool writes = !wire::http::is_safe(request_->head.method_id);
  std::string_view in_cookie;
  if (how == Telling::field) {
    // What an MCP client sees after this head is noted too, so it is not told by the field alone.
    const auto given = wire::http::find(head.fields, kMcpSessionField);
    if (writes && !seen.by_field) noted_session_ = given ? *given : seen.session;
  } else if (head.event_stream && writes) {
    // Its writes come after this head. Each stream has a name of its own, for what is noted of
    // another one says nothing of it; but what is still looked for is not forgotten.
    noted_session_ = fetch_->stale_ms() > 0 && !seen.session.empty()
                         ? std::string(seen.session)
                         : context_.options.sessions->stream_session(
                               uint32_t(context_.lane.dice.roll()));
    in_cookie = noted_session_;
  } else if (fetch_->stale_ms() > 0) {
    in_cookie = seen.session;  // it is not all in the token yet
  }
  const std::string token = context_.options.sessions->token(seen.token);
  if (token == seen.token && in_cookie == seen.session) return;
  append_told(lines, how,
              {.token = token,
               .session = in_cookie,
               .cookie_name = cookie,
               .secure = request_->caller.tls});
}

// ── event streams ────────────────────────────────────────────────────────────────────────────────

void Transaction::begin_stream(bool event_stream, bool plain) {
  event_stream_ = event_stream && plain && !client_.viewer().to_head;
  if (event_stream_) wait_for_events();
}

void Transaction::wait_for_events() {
  const Duration silence = context_.edge().sse_keepalive;
  client_.tick_at(silence > Duration::zero() ? context_.now() + silence : kNever);
}

void Transaction::on_tick() {
  if (!event_stream_ || done_) return;
  if (events_.between_events() && client_.drained()) {
    write_body(": ka\n\n");
  } else {
    wait_for_events();
  }
}

void Transaction::drain() {
  if (!event_stream_ || !begun_ || done_) return;
  // Clients of long streams connect again, to a node that stays.
  std::string detail;
  const Failure failure{
      .trouble = Trouble::draining, .status = 503, .region = context_.region_name()};
  const std::string last = terminal_event(problem_of(failure, detail), events_.in_line(), kRetryMs);
  context_.bury(std::move(fetch_));
  leave_fill();
  write_body(last);
  finish();
}

// ── reading a fill ───────────────────────────────────────────────────────────────────────────────

void Transaction::on_fill_moved() { pump_fill(); }

void Transaction::pump_fill() {
  using State = cache::Fill::State;
  while (job_ && !done_) {
    const std::shared_ptr<FillJob> job = job_;  // may be left below
    cache::Fill& fill = job->fill();
    const cache::Fill::Read read = fill.read(reader_);
    switch (read.state) {
      case State::wait: return;
      case State::head:
        if (!is_meant(fill.vary())) return look_again(fill.vary());
        fill.head_taken(reader_);
        begin_fill_answer(fill.phase() == cache::Fill::Phase::complete);
        break;
      case State::bytes:
        if (!client_.viewer().to_head && !not_modified_) write_body(read.bytes);
        fill.consume(reader_, read.bytes.size());
        job->reader_moved();
        if (client_.backlogged()) return;  // on_client_drained() goes on
        break;
      case State::end:
        leave_fill();
        finish();
        return;
      case State::serve: {
        const auto stored = fill.stored();
        if (!is_meant(stored->vary)) return look_again(stored->vary);
        x_cache_ = job->served_stale()               ? "Hit"
                   : reader_ == cache::Fill::kLeader ? "RefreshHit"
                                                     : "Hit";
        leave_fill();
        serve(stored);
        return;
      }
      case State::own_way:
        leave_fill();
        go_own_way();
        return;
      case State::failed: {
        leave_fill();
        if (!begun_) return go_own_way();
        done_ = true;
        context_.count.cut_answers.add();
        client_.cut();
        return;
      }
    }
  }
}

// Whoever caused a fill is meant by its answer, whatever that varies on.
bool Transaction::is_meant(const cache::Vary& vary) const {
  return reader_ == cache::Fill::kLeader || cache::selects(vary, request_->fields);
}

// The answer that was waited for is another variant's: `vary` says on what that depends.
void Transaction::look_again(const cache::Vary& vary) {
  const std::shared_ptr<FillJob> job = job_;  // whose `vary` is
  leave_fill();
  if (std::exchange(looked_again_, true)) return go_own_way();
  const std::span<const wire::http::Field> fields = request_->fields;
  const auto found = context_.index.find(job->key(), fields, context_.now());
  if (found.pass) return go_own_way();
  std::shared_ptr<const cache::Stored> stored;
  if (found.stored != nullptr) stored = *found.stored;
  if (stored && cache::use(job->rule(), stored->freshness, stored->got_at,
                           {request_->head.method, fields}, context_.now()) == cache::Use::fresh) {
    x_cache_ = "Hit";
    return serve(stored);
  }
  const auto joined = context_.fills.join_variant(job->key(), vary, fields, std::move(stored));
  take_part(request_, joined, job->rule(), job->key());
}

void Transaction::begin_fill_answer(bool) {
  const cache::Fill& fill = job_->fill();
  const Viewer& viewer = client_.viewer();
  const cache::Asked asked{request_->head.method, request_->fields};
  not_modified_ = cache::evaluate(fill.head(), asked, context_.lane.clock.wall()) == 304;
  const auto length = fill.length();
  framing_ = not_modified_ || length ? (length && !not_modified_ ? Framing::length : Framing::none)
             : viewer.minor >= 1     ? Framing::chunked
                                     : Framing::until_close;
  std::string& text = context_.head_text;
  text.clear();
  text.append(not_modified_ ? fill.head().not_modified_image() : fill.head().image());
  // RFC 9111 5.1: what comes new from the origin has no age, unless it came with one.
  if (const int64_t age = fill.age_s(context_.now()); age > 0 || reader_ != cache::Fill::kLeader) {
    text.append("Age: ");
    append_number(text, uint64_t(age));
    text.append("\r\n");
  }
  text.append("X-Cache: ")
      .append(fill.head().status() >= 400       ? "Error"
              : reader_ == cache::Fill::kLeader ? "Miss"
                                                : "Hit");
  text.append(" from sealane\r\nSealane-Region: ").append(job_->region()).append("\r\n");
  text.append(job_->timing_line());
  if (framing_ == Framing::chunked) text.append("Transfer-Encoding: chunked\r\n");
  text.append(connection_line(viewer, viewer.keep_alive && framing_ != Framing::until_close))
      .append("\r\n");
  begun_ = true;
  context_.count.count_status(not_modified_ ? 304 : fill.head().status());
  client_.write(text);
}

void Transaction::serve(const std::shared_ptr<const cache::Stored>& stored) {
  const std::string_view rest = send_stored(context_, client_, *stored,
                                            {request_->head.method, request_->fields}, x_cache_);
  begun_ = true;
  if (!rest.empty()) {
    stored_ = stored;
    rest_ = rest;
    return;
  }
  done_ = true;
  client_.answered(client_.viewer().keep_alive);
}

void Transaction::go_own_way() { relay(request_, "Miss"); }

void Transaction::leave_fill() {
  if (!job_) return;
  const auto job = std::move(job_);
  job_.reset();
  job->remove_reader(reader_);
}

void Transaction::adopt(std::unique_ptr<Fetch> fetch, const wire::http::ResponseHead& head) {
  leave_fill();
  fetch_ = std::move(fetch);
  fetch_->set_sink(*this);
  context_.count.passes.add();
  on_fetch_head(head);
}

void Transaction::on_fill_failed(const Failure& failure) {
  leave_fill();
  on_fetch_failed(failure);
}

// ── from the client ──────────────────────────────────────────────────────────────────────────────

void Transaction::on_request_body(std::string_view bytes) {
  if (!fetch_) return;
  fetch_->send_body(bytes);
  if (fetch_->congested()) client_.pause_body();
}

void Transaction::on_request_end() {
  request_done_ = true;
  if (fetch_) fetch_->end_body();
}

void Transaction::on_request_burst_over() {
  if (!fetch_ || !fetch_->flush()) return;
  if (fetch_->congested()) client_.pause_body();
}

void Transaction::on_client_drained() {
  if (done_) return;
  if (fetch_) return fetch_->resume();
  if (job_) return pump_fill();
  if (!stored_) return;
  while (!rest_.empty() && !client_.backlogged()) {
    const std::string_view piece = rest_.substr(0, ClientConnection::kBacklogMax);
    rest_.remove_prefix(piece.size());
    client_.write(piece);
  }
  if (rest_.empty()) {
    done_ = true;
    client_.answered(client_.viewer().keep_alive);
  }
}

void Transaction::on_tunnel(std::string_view bytes) {
  if (!fetch_) return;
  fetch_->tunnel(bytes);
  if (fetch_ && fetch_->congested()) client_.pause_body();
}

void Transaction::on_tunnel_end() {
  if (fetch_) fetch_->tunnel_end();
}

}  // namespace sealane::edge
