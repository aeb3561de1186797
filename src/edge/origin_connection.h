// SPDX-License-Identifier: Apache-2.0
// One connection to an origin (an agent, or another region's node): carries one request at a time
// for one user, then rests in the pool.
#pragma once

#include <memory>

#include "edge/context.h"
#include "edge/exchange.h"
#include "port/deadline.h"
#include "port/net.h"
#include "wire/http/reader.h"

namespace sealane::edge {

using port::Deadline;
using port::kNever;

// Who uses the connection. After on_origin_end() and on_origin_trouble() it has let go of the
// connection.
class OriginUser {
 public:
  virtual ~OriginUser() = default;
  virtual void on_origin_open() = 0;
  virtual void on_origin_head(const wire::http::ResponseHead& head) = 0;
  virtual void on_origin_body(std::string_view bytes) = 0;
  virtual void on_origin_end() = 0;
  virtual void on_origin_burst_over() = 0;  // the bytes that came together are all handed on
  virtual void on_origin_trouble(Trouble trouble) = 0;
  virtual void on_origin_drained() = 0;
  virtual void on_origin_deadline() = 0;  // the one that was set
};

class OriginConnection final : public port::StreamHandler, public Mortal {
 public:
  OriginConnection(Context& context, plan::EndpointId endpoint);

  void connect();
  bool is_open() const { return open_; }
  bool is_reused() const { return reused_; }
  plan::EndpointId endpoint() const { return endpoint_; }
  uint64_t generation() const { return generation_; }
  Instant rested_since() const { return rested_since_; }

  void attach(OriginUser& user, bool to_head);
  void write(std::span<const std::string_view> parts) { stream_->write(parts); }
  size_t pending_bytes() const { return stream_->pending_bytes(); }
  void pause() { stream_->pause(); }
  void resume() { stream_->resume(); }
  void set_deadline(Instant when) { deadline_.set(when); }
  // The whole request has been written: the connection may be used again after the answer.
  void request_complete() { request_complete_ = true; }
  // From now on bytes, both ways, without framing.
  void become_tunnel() { tunnel_ = true; }
  void end() { stream_->end(); }
  // The user lets go in the middle: the connection is of no more use.
  void abandon();

  void on_open() override;
  void on_data(std::span<const char> bytes) override;
  void on_end() override;
  void on_drained() override;
  void on_error(const Error& error) override;

 private:
  friend class OriginPool;
  void rest();
  void trouble(Trouble what);

  Context& context_;
  const plan::EndpointId endpoint_;
  const uint64_t generation_;
  std::unique_ptr<port::Stream> stream_;
  OriginUser* user_ = nullptr;
  wire::http::ResponseReader reader_;
  Deadline deadline_;
  Instant rested_since_{};
  bool open_ = false, reused_ = false, request_complete_ = false, tunnel_ = false,
       keep_alive_ = false;
  bool gone_ = false;
  size_t slot_ = 0;  // in the pool's list
};

}  // namespace sealane::edge
