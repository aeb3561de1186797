// SPDX-License-Identifier: Apache-2.0
#include "wire/http/reader.h"

namespace sealane::wire::http {

template <>
std::expected<RequestHead, Refusal> Reader<RequestHead>::parse(std::string_view bytes,
                                                               const Limits& limits,
                                                               std::vector<Field>& fields) const {
  return parse_request_head(bytes, limits, fields);
}

template <>
std::expected<ResponseHead, Refusal> Reader<ResponseHead>::parse(std::string_view bytes,
                                                                 const Limits& limits,
                                                                 std::vector<Field>& fields) const {
  return parse_response_head(bytes, limits, to_head_, fields);
}

template <typename Head>
Event Reader<Head>::next(std::string_view& in, const Limits& limits, std::vector<Field>& fields) {
  if (state_ == State::broken) return Event::refused;
  if (drop_partial_) {
    drop_partial_ = false;
    partial_.clear();
  }
  if (state_ == State::body) {
    switch (body_reader_.next(in, body_)) {
      case BodyReader::Step::more: return Event::more;
      case BodyReader::Step::bytes: return Event::body;
      case BodyReader::Step::end:
        state_ = State::head;
        end_.restart();
        return Event::end;
      case BodyReader::Step::refused: return refuse({400, body_reader_.what()});
    }
  }
  if (partial_.empty()) {
    // RFC 9112 2.2: an empty line before a request line is an old client's habit.
    while (in.starts_with("\r\n")) in.remove_prefix(2);
    if (in.empty()) return Event::more;
  }
  // With a partial head, take over only what can belong to it.
  const bool gathered = !partial_.empty();
  const size_t before = partial_.size();
  if (gathered)
    partial_.append(
        in.substr(0, limits.head_bytes_max + 1 - std::min<size_t>(before, limits.head_bytes_max)));
  const std::string_view bytes = gathered ? std::string_view(partial_) : in;

  const auto length = end_.find(bytes, limits);
  if (!length) return refuse(length.error());
  if (*length == 0) {
    if (!gathered) partial_.assign(in);
    in = {};
    return Event::more;
  }
  if (*length == 2) {  // the empty line in pieces
    in.remove_prefix(2 - before);
    release();
    return next(in, limits, fields);
  }
  auto head = parse(bytes.substr(0, *length), limits, fields);
  in.remove_prefix(*length - before);
  if (gathered) {
    partial_.resize(*length);  // shrinks in place: the views stay
    drop_partial_ = true;
  }
  end_.restart();
  if (!head) return refuse(head.error());
  head_ = *head;
  body_reader_.start(head_.framing, head_.content_length);
  state_ = State::body;
  return Event::head;
}

template class Reader<RequestHead>;
template class Reader<ResponseHead>;

}  // namespace sealane::wire::http
