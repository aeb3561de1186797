// SPDX-License-Identifier: Apache-2.0
// One request of one client that could not be answered at once, and its answer: relayed from an
// origin, read from a cache fill that is under way, or a large stored body that goes out in pieces.
#pragma once

#include <memory>
#include <string>

#include "cache/fill.h"
#include "cache/stored.h"
#include "edge/client_connection.h"
#include "edge/fetch.h"
#include "wire/sse.h"

namespace sealane::edge {

class FillJob;

class Transaction final : public FetchSink, public Mortal {
 public:
  // What an EventSource waits before it connects again after our terminal event.
  static constexpr uint32_t kRetryMs = 500;

  Transaction(Context& context, ClientConnection& client) : context_(context), client_(client) {}
  ~Transaction() override;

  // Relays the answer of an origin; nothing is stored. `x_cache`: "Pass" or "Miss".
  void relay(std::shared_ptr<const Request> request, std::string_view x_cache);
  // Reads from a fill, as the one who causes it or as one who waits with others; or relays, alone.
  void take_part(std::shared_ptr<const Request> request, const cache::Fills::Joined& joined,
                 const cache::Rule& rule, const cache::Key& key);
  // Sends the rest of a stored body that is too large for one write.
  void send_rest(std::shared_ptr<const cache::Stored> stored, std::string_view rest);

  // ── from the fill ──
  void on_fill_moved();
  // The answer must not be stored: it is this client's alone, and so is the fetch.
  void adopt(std::unique_ptr<Fetch> fetch, const wire::http::ResponseHead& head);
  void on_fill_failed(const Failure& failure);

  // ── from the client's connection ──
  void on_request_body(std::string_view bytes);
  void on_request_end();
  void on_request_burst_over();
  void on_client_drained();
  void on_tunnel(std::string_view bytes);
  void on_tunnel_end();
  void on_tick();
  void drain();
  bool begun() const { return begun_; }
  bool wants_body() const { return fetch_ == nullptr || !fetch_->congested(); }

  void on_fetch_head(const wire::http::ResponseHead& head) override;
  void on_fetch_body(std::string_view bytes) override;
  void on_fetch_burst_over() override;
  void on_fetch_end() override;
  void on_fetch_failed(const Failure& failure) override;
  void on_fetch_room() override;

 private:
  void read_fill(std::shared_ptr<FillJob> job, cache::Fill::ReaderId reader);
  void pump_fill();
  bool is_meant(const cache::Vary& vary) const;
  void look_again(const cache::Vary& vary);
  void begin_fill_answer(bool complete);
  void serve(const std::shared_ptr<const cache::Stored>& stored);
  void go_own_way();
  void leave_fill();
  void put(std::span<const std::string_view> parts);
  void cork();
  void flush();
  void write_body(std::string_view bytes);
  void finish();
  void tell_seen(std::string& lines, const wire::http::ResponseHead& head);
  void begin_stream(bool event_stream, bool plain);
  void wait_for_events();
  void problem(const Failure& failure);
  Problem problem_of(const Failure& failure, std::string& detail) const;

  Context& context_;
  ClientConnection& client_;
  std::shared_ptr<const Request> request_;
  std::unique_ptr<Fetch> fetch_;
  std::shared_ptr<FillJob> job_;
  cache::Fill::ReaderId reader_ = 0;
  std::shared_ptr<const cache::Stored> stored_;
  std::string_view rest_, x_cache_;
  std::string noted_session_;  // is told to the nodes when the answer is complete
  wire::http::Framing framing_ = wire::http::Framing::none;
  wire::sse::Scanner events_;
  bool begun_ = false;         // the head has gone out
  // text/event-stream, not encoded: comments and a terminal event may be put in
  bool event_stream_ = false;
  bool corked_ = false;        // what is written waits in context_.cork for the end of the burst
  bool tunnel_ = false, done_ = false, request_done_ = false, not_modified_ = false;
  bool looked_again_ = false;  // once: then it asks alone
};

}  // namespace sealane::edge
