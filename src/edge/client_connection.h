// SPDX-License-Identifier: Apache-2.0
// One client's connection: reads its requests one after another, answers at once what can be (cache
// hits, redirects, refusals) and hands the rest to a Transaction. Holds no buffer while idle.
#pragma once

#include <memory>
#include <string>

#include "edge/context.h"
#include "edge/request.h"
#include "edge/response.h"
#include "port/deadline.h"
#include "port/net.h"
#include "wire/http/reader.h"

namespace sealane::edge {

using port::Deadline;
using port::kNever;

class Clients;
class Transaction;

class ClientConnection final : public port::StreamHandler, public Mortal {
 public:
  // Unsent answer bytes at which the source is paused; also what one write of a stored body
  // carries.
  static constexpr size_t kBacklogMax = 256u << 10;
  // Bytes of following requests that are kept while an answer is under way; then reading stops.
  static constexpr size_t kStashMax = 64u << 10;

  ClientConnection(Context& context, Clients& clients, std::unique_ptr<port::Stream> stream);
  ~ClientConnection() override;

  // ── for what answers ──
  // A request that cannot be answered at once.
  Transaction& begin_transaction();
  // The whole answer has been written within the call that read the request's head.
  void answered_at_once();
  // Answers with a problem and closes.
  void refuse(uint16_t status, std::string_view detail);
  void write(std::span<const std::string_view> parts);
  void write(std::string_view bytes) { write(std::span(&bytes, 1)); }
  bool backlogged() const { return stream_ && stream_->pending_bytes() > kBacklogMax; }
  bool drained() const { return stream_ && stream_->pending_bytes() == 0; }
  const Viewer& viewer() const { return viewer_; }
  // The answer is complete. `reusable`: the connection may carry another request.
  void answered(bool reusable);
  // The answer cannot be completed: the client must see that it is cut.
  void cut();
  void pause_body();
  void resume_body();
  // From now on bytes both ways.
  void begin_tunnel();
  void end_tunnel();
  // A call of the transaction's on_tick() at this time at the latest; kNever: none.
  void tick_at(Instant when);

  // This node goes away: an idle connection closes, a busy one after its answer, an event stream
  // gets its terminal event.
  void drain();
  bool gone() const { return gone_; }

  void on_data(std::span<const char> bytes) override;
  void on_end() override;
  void on_drained() override;
  void on_error(const Error& error) override;

 private:
  friend class Clients;
  void process(std::string_view in);
  void keep_for_later(std::string_view in);
  void unstash();
  void take_body(std::string_view bytes);
  void begin(const wire::http::RequestHead& head);
  void measure();
  void close_after_flush();
  void close_now();
  void expired();
  void schedule();
  // The present request has been read, its answer is not complete.
  bool waits_for_answer() const { return transaction_ != nullptr && !reader_.in_body(); }
  bool closing_after_answer() const { return stream_ == nullptr; }
  bool answered_before() const { return written_ > 0; }

  Context& context_;
  Clients& clients_;
  std::unique_ptr<port::Stream> stream_;
  const SocketAddress peer_;
  const bool tls_;
  bool from_node_;           // by the plan of this generation
  uint64_t generation_;
  wire::http::RequestReader reader_;
  Viewer viewer_;
  std::unique_ptr<Transaction> transaction_;
  std::string stash_;
  Deadline deadline_;
  Instant read_by_ = kNever, write_by_ = kNever, tick_at_ = kNever;
  uint64_t written_ = 0, stalled_at_ = 0;
  uint64_t body_bytes_ = 0;
  size_t slot_ = 0;
  bool processing_ = false, paused_ = false, tunnel_ = false, ended_ = false, gone_ = false;
  bool measured_;            // its round-trip time was asked for, or must not be
  bool head_begun_ = false;  // read_by_ counts from the first byte of this head
};

}  // namespace sealane::edge
