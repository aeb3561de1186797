// SPDX-License-Identifier: Apache-2.0
#include "edge/fill_job.h"

#include "cache/revalidate.h"
#include "edge/edge.h"
#include "edge/hit.h"
#include "edge/transaction.h"

namespace sealane::edge {

FillJob::FillJob(Context& context, std::shared_ptr<cache::Fill> fill, cache::Key key,
                 cache::Rule rule, std::shared_ptr<const Request> request)
    : context_(context),
      fill_(std::move(fill)),
      key_text_(key.text),
      key_hash_(key.hash),
      rule_(rule),
      request_(std::move(request)) {}

void FillJob::start() {
  context_.jobs[fill_.get()] = shared_from_this();
  fetch(fill_->stale() != nullptr);
}

void FillJob::fetch(bool conditional) {
  conditional_ = conditional;
  std::string lines = conditional ? cache::conditional_lines(fill_->stale()->head) : std::string();
  context_.bury(std::move(fetch_));
  fetch_ = std::make_unique<Fetch>(
      context_, request_, *this, Fetch::Options{.extra_lines = std::move(lines), .for_fill = true});
  fetch_->start();
}

void FillJob::on_fetch_head(const wire::http::ResponseHead& head) {
  const auto keep = shared_from_this();
  region_ = fetch_->region();
  timing_line_.clear();
  append_timing_line(timing_line_, "Miss", fetch_->connect_time(), fetch_->first_byte_time());
  std::vector<wire::http::Field> fields;
  for (const auto& field : head.fields) {
    if (!is_nodes_own_field(field.name)) fields.push_back(field);
  }
  const cache::Got got{.status = head.status, .fields = fields, .asked_at = fetch_->asked_at(),
                       .got_at = context_.now(), .wall = context_.lane.clock.wall()};
  if (conditional_ && head.status == 304) {
    auto merged =
        cache::merge_not_modified(rule_, asked(), *fill_->stale(), got, context_.shared.budget);
    if (!merged) return fetch(false);
    context_.count.refreshes.add();
    store(merged);
    return serve(std::move(merged));
  }
  if (cache::is_origin_failure(head.status) && stand_in()) return;
  const cache::Verdict verdict = cache::may_store(rule_, asked(), got);
  std::optional<uint64_t> length;
  if (head.framing == wire::http::Framing::length || head.framing == wire::http::Framing::none) {
    length = head.content_length;
  }
  if (verdict.store && fill_->may_hold(length.value_or(0)) && head.status >= 200) {
    cache::Head made = cache::Head::make(got, "1.1 sealane");
    if (length) made = made.with_length(*length);
    fill_->on_head(std::move(made), cache::make_vary(fields, request_->fields), verdict.freshness,
                   got.got_at, length);
    return wake();
  }
  // Not to be stored: the one who caused the fetch gets it, the others stop waiting, and the next
  // ones do not begin to wait.
  if (head.status < 500) context_.index.mark_pass(key(), context_.now() + cache::kHitForMiss);
  fill_->release();
  const auto leader = readers_.find(cache::Fill::kLeader);
  Transaction* const heir = leader == readers_.end() ? nullptr : leader->second;
  std::unique_ptr<Fetch> fetch = std::move(fetch_);
  over();
  if (heir != nullptr) {
    heir->adopt(std::move(fetch), head);
  } else {
    context_.bury(std::move(fetch));
  }
  wake();
}

// The stale answer takes the place of a failure.
bool FillJob::stand_in() {
  const auto& stale = fill_->stale();
  if (!stale || !cache::may_serve_on_error(stale->freshness, stale->got_at, context_.now()))
    return false;
  context_.count.stale.add();
  context_.index.mark_back_off(key(), context_.now() + cache::kBackOff);
  served_stale_ = true;
  serve(stale);
  return true;
}

void FillJob::serve(std::shared_ptr<const cache::Stored> stored) {
  fill_->serve(std::move(stored));
  over();
  wake();
}

void FillJob::on_fetch_body(std::string_view bytes) {
  if (over_) return;  // the rest of an answer that does not matter any more
  const auto keep = shared_from_this();
  fill_->on_body(bytes);
  wake();
  if (fetch_ && !over_ && !fill_->wants_more()) {
    paused_ = true;
    fetch_->pause();
  }
}

void FillJob::on_fetch_end() {
  const auto keep = shared_from_this();
  context_.bury(std::move(fetch_));
  if (over_) return;
  const auto stored = fill_->on_end();
  if (stored) store(stored);
  over();
  wake();
}

void FillJob::on_fetch_failed(const Failure& failure) {
  const auto keep = shared_from_this();
  context_.bury(std::move(fetch_));
  if (over_) return;
  if (fill_->phase() != cache::Fill::Phase::asking) {
    fill_->fail();
    over();
    return wake();
  }
  if (stand_in()) return;
  // Whoever waits gets this answer: asking again one by one would not make the origin better.
  fill_->release();
  over();
  const auto waiting = std::exchange(readers_, {});
  for (const auto& [id, reader] : waiting) reader->on_fill_failed(failure);
}

void FillJob::store(const std::shared_ptr<const cache::Stored>& stored) {
  context_.index.put(key(), stored);
  const std::string text = key_text_;
  const uint64_t hash = key_hash_;
  context_.shared.tell_others(context_.seat.get(), [text, hash, stored](Edge& edge) {
    edge.take_stored({text, hash}, stored);
  });
}

void FillJob::wake() {
  for (const cache::Fill::ReaderId id : fill_->woken()) {
    const auto reader = readers_.find(id);
    if (reader != readers_.end()) reader->second->on_fill_moved();
  }
}

void FillJob::over() {
  if (over_) return;
  over_ = true;
  context_.fills.end(*fill_);
  const auto self = context_.jobs.find(fill_.get());
  if (self == context_.jobs.end()) return;
  context_.retire(std::move(self->second));  // we may be in the middle of a call
  context_.jobs.erase(self);
}

void FillJob::remove_reader(cache::Fill::ReaderId id) {
  readers_.erase(id);
  const bool nobody_left = fill_->detach(id);
  if (!over_ && nobody_left && !fill_->storable()) {
    fill_->fail();
    context_.bury(std::move(fetch_));
    over();
  }
}

void FillJob::reader_moved() {
  if (!paused_ || !fetch_ || !fill_->wants_more()) return;
  paused_ = false;
  fetch_->resume();
}

void FillJob::on_relayed(Context& context, const Request& request, uint16_t status) {
  if (wire::http::is_safe(request.head.method_id)) return;
  const auto* rule = find_rule(context.edge().cache, path_of(request.head.target));
  if (rule == nullptr || !cache::invalidates(rule_of(*rule), request.head.method, status)) return;
  const std::string& service = context.plan().group(context.group_of(request)).name;
  const cache::Key key =
      cache::make_key(context.key_text, context.shared.secret, service, request.head.target);
  context.index.purge(key);
  const std::string text(key.text);
  const uint64_t hash = key.hash;
  context.shared.tell_others(context.seat.get(),
                             [text, hash](Edge& edge) { edge.drop_stored({text, hash}); });
}

}  // namespace sealane::edge
