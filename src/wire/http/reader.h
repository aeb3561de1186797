// SPDX-License-Identifier: Apache-2.0
// Reads a connection's messages one after another, pulled by the caller: give it bytes, ask for the
// next step. A head that lies whole in the given bytes is parsed where it lies; only a head that
// comes in pieces is gathered in a buffer, which an idle connection does not keep.
#pragma once

#include <string>

#include "wire/http/body.h"
#include "wire/http/head.h"

namespace sealane::wire::http {

enum class Event : uint8_t {
  more,     // all bytes are taken: come back with the next ones
  head,     // head(): valid until the next call, or until the given bytes go away
  body,     // body(): a piece of the body inside the given bytes
  end,      // this message is complete
  refused,  // refusal(): answer it and close, nothing more can be read
};

template <typename Head>
class Reader {
 public:
  // Takes bytes off the front of `in`. `fields` is scratch that may be shared by all readers of a
  // lane; the head's views point into it.
  Event next(std::string_view& in, const Limits& limits, std::vector<Field>& fields);

  const Head& head() const { return head_; }
  std::string_view body() const { return body_; }
  const Refusal& refusal() const { return refusal_; }
  // Between two messages with nothing read of the next.
  bool idle() const { return state_ == State::head && partial_.empty(); }
  // Bytes of a head have come, but not all.
  bool in_head() const { return state_ == State::head && !partial_.empty(); }
  bool in_body() const { return state_ == State::body; }
  // The peer closed: is that a proper end of the message being read?
  bool closed_cleanly() const {
    return state_ == State::body ? body_reader_.closed_cleanly() : idle();
  }
  bool body_ends_with_connection() const {
    return state_ == State::body && body_reader_.closed_cleanly();
  }

  // Responses: the next head answers a HEAD request.
  void expect_answer_to_head(bool yes) { to_head_ = yes; }
  void restart() {
    state_ = State::head;
    release();
  }
  void release() {
    std::string().swap(partial_);
    end_.restart();
  }

 private:
  enum class State : uint8_t { head, body, broken };
  Event refuse(Refusal refusal) {
    state_ = State::broken;
    refusal_ = refusal;
    return Event::refused;
  }
  std::expected<Head, Refusal> parse(std::string_view bytes, const Limits& limits,
                                     std::vector<Field>& fields) const;

  Head head_;
  BodyReader body_reader_;
  HeadEnd end_;
  std::string partial_;  // a head that comes in pieces
  std::string_view body_;
  Refusal refusal_;
  State state_ = State::head;
  bool to_head_ = false;
  bool drop_partial_ = false;  // partial_ holds a head that was handed out
};

using RequestReader = Reader<RequestHead>;
using ResponseReader = Reader<ResponseHead>;

}  // namespace sealane::wire::http
