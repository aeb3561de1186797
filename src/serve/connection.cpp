// SPDX-License-Identifier: Apache-2.0
#include "serve/connection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "wire/http/status.h"

namespace sealane::serve {

using port::kNever;
using wire::http::Event;
using wire::http::Framing;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

Connection::Connection(Core& core, uint32_t slot, std::unique_ptr<port::Stream> stream)
    : core_(core),
      slot_(slot),
      stream_(std::move(stream)),
      deadline_(core.lane.clock, core.lane.timers, [this] { expired(); }),
      read_by_(core.lane.clock.now() + core.limits.head_timeout) {
  stream_->set_handler(*this);
  settle();
}

Connection::~Connection() = default;

// ── reading ──────────────────────────────────────────────────────────────────────────────────────

void Connection::on_data(std::span<const char> bytes) {
  if (!stream_) return;
  const std::string_view in(bytes.data(), bytes.size());
  if (stash_.empty()) {
    process(in);
  } else {
    keep(in);
  }
  settle();
}

// A request begins only when the one before is answered and its answer, more or less, read.
bool Connection::may_read() const {
  if (serial_ != 0 || waits_for_memory_) return false;
  return buffers_ != nullptr || stream_->pending_bytes() <= core_.limits.backlog_bytes_max;
}

void Connection::process(std::string_view in) {
  processing_ = true;
  while (stream_) {
    if (!may_read()) {
      keep(in);
      break;
    }
    const Event event = reader_.next(in, core_.limits.head, core_.scratch_fields);
    if (event == Event::more) break;
    if (event == Event::head) begin(reader_.head(), in.empty());
    if (event == Event::body) take_body(reader_.body());
    if (event == Event::end) dispatch();
    if (event == Event::refused) refuse(reader_.refusal().status, reader_.refusal().what);
  }
  processing_ = false;
}

void Connection::keep(std::string_view in) {
  if (in.empty()) return;
  stash_.append(in);
  if (!paused_ && (waits_for_memory_ || stash_.size() > kStashMax)) {
    paused_ = true;
    stream_->pause();
  }
}

void Connection::go_on() {
  if (!stream_ || processing_ || !may_read()) return;
  if (!stash_.empty()) {
    const std::string bytes = std::exchange(stash_, {});
    process(bytes);
  }
  if (stream_ && paused_ && stash_.empty() && may_read()) {
    paused_ = false;
    stream_->resume();
  }
  settle();
}

// Copies the head: its bytes are the loop's, and the request may be worked on for long.
void Connection::begin(const wire::http::RequestHead& head, bool head_only) {
  if (is_linked()) unlink();
  head_begun_ = was_idle_ = false;
  minor_ = head.minor;
  keep_alive_ = head.keep_alive;
  to_head_ = head.method_id == wire::http::Method::head;
  buffers_ = core_.take_buffers();
  Buffers& b = *buffers_;
  size_t bytes = head.method.size() + head.target.size() + head.host.size();
  for (const auto& field : head.fields) bytes += field.name.size() + field.value.size();
  b.text.reserve(bytes);  // so that the views below stay
  const auto copy = [&](std::string_view text) {
    const size_t at = b.text.size();
    b.text.append(text);
    return std::string_view(b.text).substr(at);
  };
  b.request = {.method = copy(head.method),
               .method_id = head.method_id,
               .target = copy(head.target),
               .host = copy(head.host),
               .peer = stream_->peer(),
               .tls = stream_->is_tls()};
  for (const auto& field : head.fields) b.fields.push_back({copy(field.name), copy(field.value)});
  b.request.fields = b.fields;

  if (head.content_length > core_.limits.body_bytes_max) {
    return refuse(413, "The request body is larger than this service takes.");
  }
  continue_wanted_ = head.expect_continue && head.framing != Framing::none && head_only;
  step_bytes_ = 0;
  read_by_ = core_.lane.clock.now() + core_.limits.body_timeout;
  want_body(size_t(head.content_length));
}

// Sees that the body may grow to this size, or waits until it may.
void Connection::want_body(size_t bytes) {
  std::string& body = buffers_->body;
  if (bytes > body.capacity() && !core_.has_room(bytes)) {
    wanted_bytes_ = bytes;
    if (!core_.wait_for_memory(*this))
      return refuse(503, "This node has no memory for another request now.");
    waits_for_memory_ = true;
    memory_by_ = core_.lane.clock.now() + core_.limits.memory_timeout;
    return;
  }
  body.reserve(bytes);
  if (std::exchange(continue_wanted_, false)) send({kContinue});
}

void Connection::memory_granted() {
  stop_waiting();
  read_by_ = core_.lane.clock.now() + core_.limits.body_timeout;
  buffers_->body.reserve(wanted_bytes_);
  if (std::exchange(continue_wanted_, false) && stash_.empty()) send({kContinue});
  settle();  // counts what was reserved, before the next one asks
  core_.turn_to(*this);
}

void Connection::stop_waiting() {
  if (!std::exchange(waits_for_memory_, false)) return;
  --core_.waiting_count;
  unlink();
  memory_by_ = kNever;
}

void Connection::take_body(std::string_view bytes) {
  std::string& body = buffers_->body;
  const size_t size = body.size() + bytes.size();
  if (size > core_.limits.body_bytes_max) {
    return refuse(413, "The request body is larger than this service takes.");
  }
  // A chunked body has not said how large it will be.
  if (size > body.capacity()) {
    const size_t doubled =
        std::min(std::max(size, 2 * body.capacity()), core_.limits.body_bytes_max);
    if (!core_.has_room(doubled - body.capacity())) {
      return refuse(503, "This node has no memory for another request now.");
    }
    body.reserve(doubled);
  }
  body.append(bytes);
  step_bytes_ += bytes.size();
  if (step_bytes_ >= core_.limits.body_step_bytes) {
    step_bytes_ = 0;
    read_by_ = core_.lane.clock.now() + core_.limits.body_timeout;
  }
}

void Connection::dispatch() {
  buffers_->request.body = buffers_->body;
  serial_ = ++core_.last_serial;
  ++core_.pending_count;
  core_.count.requests.add();
  answer_by_ = core_.lane.clock.now() + core_.limits.answer_timeout;
  core_.handler.on_request(buffers_->request, Responder(core_, slot_, serial_));
}

// ── answering ────────────────────────────────────────────────────────────────────────────────────

void Connection::answer(const Answer& answer) {
  serial_ = 0;
  --core_.pending_count;
  answer_by_ = kNever;
  if (stream_) {
    // while processing, more may be in hand
    const bool was_last = ended_ && stash_.empty() && !processing_;
    keep_alive_ = keep_alive_ && !answer.close && !core_.draining && !was_last;
    write(answer);
  }
  release();
  if (!stream_) return gone();
  if (!keep_alive_) return close();
  if (processing_) return;
  if (!stash_.empty() || paused_) core_.turn_to(*this);
  settle();
}

void Connection::write(const Answer& answer) {
  std::string& head = core_.scratch_head;
  std::array<char, 24> digits;
  const auto number = [&](uint64_t n) {
    return std::string_view(digits.data(), std::to_chars(digits.begin(), digits.end(), n).ptr);
  };
  head.assign("HTTP/1.1 ").append(number(answer.status)).append(" ");
  head.append(wire::http::reason_of(answer.status)).append(core_.date_line());
  if (!answer.content_type.empty())
    head.append("Content-Type: ").append(answer.content_type).append("\r\n");
  for (const auto& field : answer.fields) {
    head.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  const bool bodiless = answer.status == 204 || answer.status == 304;
  if (!bodiless) head.append("Content-Length: ").append(number(answer.body.size())).append("\r\n");
  if (!keep_alive_) {
    head.append("Connection: close\r\n");
  } else if (minor_ == 0) {
    head.append("Connection: keep-alive\r\n");
  }
  head.append("\r\n");
  const std::string_view body = bodiless || to_head_ ? std::string_view{} : answer.body;
  send({head, body});
}

void Connection::send(std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) written_bytes_ += part.size();
  stream_->write(std::span(parts.begin(), parts.size()));
}

// Answers what the server itself refuses, and closes: what follows cannot be read, or will not be.
void Connection::refuse(uint16_t status, std::string_view what) {
  keep_alive_ = false;
  core_.count.refused(status);
  core_.scratch_body.clear();
  Answer answer = core_.handler.word_refusal(status, what, core_.scratch_body);
  answer.status = status;
  write(answer);
  close();
}

void Connection::release() {
  if (buffers_) core_.give_back(std::move(buffers_));
}

void Connection::close() {
  if (stream_) port::Stream::close_after_flush(std::move(stream_));
  gone();
}

// The client is no longer there. The connection goes with it, unless its request is with the
// handler.
void Connection::gone() {
  if (buried_) return;
  stream_.reset();
  stop_waiting();
  if (is_linked()) unlink();
  std::string().swap(stash_);
  deadline_.set(kNever);
  if (!std::exchange(client_left_, true)) core_.client_left();
  if (serial_ == 0) {
    release();
    buried_ = true;
    core_.bury(*this);
  }
  settle();
}

// ── the stream's other news ──────────────────────────────────────────────────────────────────────

// A client that half-closes still gets the answers to all that it sent whole.
void Connection::on_end() {
  if (!stream_) return;
  ended_ = true;
  if (serial_ != 0 || !stash_.empty()) return;
  close();
}

void Connection::on_drained() {
  if (!stream_) return;
  write_by_ = kNever;
  go_on();
}

void Connection::on_error(const Error&) { gone(); }

// ── time and memory ──────────────────────────────────────────────────────────────────────────────

bool Connection::is_idle() const {
  return buffers_ == nullptr && stash_.empty() && reader_.idle() && stream_->pending_bytes() == 0;
}

// After everything that happened: counts what is held and sets the deadline.
void Connection::settle() {
  const size_t held = (buffers_ ? buffers_->body.capacity() : 0) +
                      (stash_.empty() ? 0 : stash_.capacity()) +
                      (stream_ ? stream_->pending_bytes() : 0);
  if (held != held_bytes_) core_.hold(std::exchange(held_bytes_, held), held);
  if (!stream_) return;
  if (ended_ && serial_ == 0 && !waits_for_memory_ && stash_.empty()) return close();
  schedule();
}

void Connection::schedule() {
  const Instant now = core_.lane.clock.now();
  if (serial_ != 0 || waits_for_memory_) {
    read_by_ = kNever;
  } else if (reader_.in_head()) {
    // Counted from the first byte of a head: one byte now and then does not buy more time.
    if (!std::exchange(head_begun_, true)) read_by_ = now + core_.limits.head_timeout;
  } else if (buffers_ == nullptr && written_bytes_ > 0) {
    if (!is_idle()) {
      read_by_ = kNever;
    } else if (!std::exchange(was_idle_, true)) {
      read_by_ = now + core_.limits.idle_timeout;
    }
  }
  if (!is_idle()) {
    if (!waits_for_memory_ && is_linked()) unlink();
  } else if (!is_linked()) {
    core_.idle.push_back(*this);
  }
  const size_t pending = stream_->pending_bytes();
  if (pending == 0) {
    write_by_ = kNever;
  } else if (write_by_ == kNever) {
    write_by_ = now + core_.limits.write_timeout;
    stalled_at_ = written_bytes_ - pending;
  }
  deadline_.set(std::min({read_by_, write_by_, answer_by_, memory_by_}));
}

void Connection::expired() {
  if (!stream_) return;
  const Instant now = core_.lane.clock.now();
  if (write_by_ <= now) {
    if (written_bytes_ - stream_->pending_bytes() == stalled_at_) {
      stream_->reset();
      return gone();
    }
    write_by_ = kNever;  // it moves: schedule() gives it another term
  }
  if (answer_by_ <= now) return refuse(500, "The request was not answered in time.");
  if (memory_by_ <= now) return refuse(503, "This node has no memory for another request now.");
  if (read_by_ <= now) {
    if (reader_.idle()) return close();
    return refuse(408, reader_.in_head() ? "The request head did not come in time."
                                         : "The request body did not come in time.");
  }
  settle();
}

}  // namespace sealane::serve
