// SPDX-License-Identifier: Apache-2.0
#include "play/drill/stream_user.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace sealane::play::drill {

StreamUser::StreamUser(port::Lane& lane, const plan::Plan& plan, Options options,
                       StubResolver& resolver, Observations& seen)
    : lane_(lane),
      plan_(plan),
      options_(std::move(options)),
      resolver_(resolver),
      seen_(seen),
      pool_(lane, options_.connect, *this),
      silence_(lane.timers.make([this] { finish(StreamEnd::silent); })),
      reopen_(lane.timers.make([this] { open(); })) {}

void StreamUser::start() { open(); }

void StreamUser::stop() {
  if (stream_) finish(StreamEnd::open);
  reopen_->disarm();
}

void StreamUser::open() {
  const Instant now = lane_.clock.now();
  stream_ = StreamSeen{.opened = now, .ended = now, .near = options_.near, .user = options_.user};
  reader_ = {};
  last_number_.reset();
  last_token_ = now;
  is_event_stream_ = said_done_ = said_error_ = false;
  resolver_.ask(std::exchange(ask_anew_, false),
                [this](const StubResolver::Answer& answer) { connect(answer); });
}

void StreamUser::connect(const StubResolver::Answer& answer) {
  if (!stream_) return;  // stopped meanwhile
  if (answer.addresses.empty()) return finish(StreamEnd::refused);
  const SocketAddress to{answer.addresses.front(), options_.port};
  pool_.close_idle_unless([&](const SocketAddress& other) { return other == to; });
  const auto node = plan_.find_node(to.ip);
  stream_->served_by = node ? plan_.endpoint(*node).region : kNowhere;
  connection_ = pool_.get(to);
  if (connection_ == nullptr) return finish(StreamEnd::refused);
  connection_->send(options_.request);
  silence_->arm_at(lane_.clock.now() + options_.silence_max);
}

void StreamUser::on_head(HttpConnection& connection, const wire::http::ResponseHead& head) {
  if (&connection == connection_) is_event_stream_ = head.status == 200 && head.event_stream;
}

void StreamUser::on_body(HttpConnection& connection, std::string_view bytes) {
  if (&connection != connection_ || !is_event_stream_) return;
  reader_.feed(bytes, [this](const SseEvent& event) { take(event); });
}

void StreamUser::take(const SseEvent& event) {
  const Instant now = lane_.clock.now();
  if (event.type == "error") {
    said_error_ = true;
    return;
  }
  if (event.type == "done" || event.data == "[DONE]") {
    said_done_ = true;
    if (!event.id.empty())
      count(event.id);  // numbered too: then the last token cannot be missing unseen
    return;
  }
  if (event.type != "message" && event.type != "token") return;  // what else an agent may tell
  count(event.id);
  if (stream_->token_count++ == 0) {
    stream_->began = now;
  } else {
    stream_->longest_gap = std::max(stream_->longest_gap, now - last_token_);
  }
  last_token_ = stream_->ended = now;
  silence_->arm_at(now + options_.silence_max);
}

// The id is a number, or ends in one behind a '-' ("turn-token").
void StreamUser::count(std::string_view id) {
  id.remove_prefix(id.rfind('-') + 1);  // npos + 1 is 0
  uint64_t number = 0;
  const auto parsed = std::from_chars(id.data(), id.data() + id.size(), number);
  if (id.empty() || parsed.ec != std::errc{} || parsed.ptr != id.data() + id.size()) {
    stream_->is_numbered = false;
    return;
  }
  if (last_number_ && number != *last_number_ + 1) {
    stream_->missing_count += number > *last_number_ ? number - *last_number_ - 1 : 1;
  }
  last_number_ = number;
}

void StreamUser::on_answer(HttpConnection& connection, uint16_t) {
  if (&connection != connection_) return;
  if (!is_event_stream_) return finish(StreamEnd::refused);
  // An answer that ends well without "done" and in the middle of an event was cut by somebody on
  // the way.
  finish(said_error_                         ? StreamEnd::error_event
         : said_done_ || !reader_.in_event() ? StreamEnd::complete
                                             : StreamEnd::torn);
}

void StreamUser::on_gone(HttpConnection& connection, Failure, bool during_request) {
  pool_.sweep_soon();
  if (&connection != connection_ || !during_request) return;
  finish(stream_->token_count == 0 ? StreamEnd::refused
         : said_error_             ? StreamEnd::error_event
                                   : StreamEnd::torn);
}

void StreamUser::finish(StreamEnd end) {
  silence_->disarm();
  const Instant now = lane_.clock.now();
  stream_->end = stream_->token_count == 0 && end == StreamEnd::silent ? StreamEnd::refused : end;
  if (end != StreamEnd::silent && end != StreamEnd::open) stream_->ended = now;
  if (end == StreamEnd::open) {
    // The wait for a token that is still to come counts as a gap, too.
    stream_->longest_gap = std::max(stream_->longest_gap, now - last_token_);
  }
  seen_.add(*std::exchange(stream_, std::nullopt));
  ask_anew_ = end != StreamEnd::complete;
  if (HttpConnection* connection = std::exchange(connection_, nullptr)) {
    if (end != StreamEnd::complete) connection->close();
  }
  pool_.sweep_soon();
  reopen_->arm_at(now + options_.pause);
}

}  // namespace sealane::play::drill
