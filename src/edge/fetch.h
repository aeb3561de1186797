// SPDX-License-Identifier: Apache-2.0
// One request on its way through the origins: chooses them one after another (balance.h), obeys the
// step machine (exchange.h), and hands one answer to a sink: a client's transaction, or a cache
// fill.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "edge/exchange.h"
#include "edge/seen.h"
#include "edge/origin_pool.h"
#include "edge/request.h"

namespace sealane::edge {

// What became of a request that got no answer, or only a part of one.
struct Failure {
  Trouble trouble = Trouble::no_endpoint;
  uint16_t status = 503;
  std::string region;        // of the endpoint that failed last, or this one's
  bool unprocessed = false;  // no endpoint has been sent the request
};

class FetchSink {
 public:
  virtual ~FetchSink() = default;
  // The answer that counts: final, or 101.
  virtual void on_fetch_head(const wire::http::ResponseHead& head) = 0;
  virtual void on_fetch_body(std::string_view bytes) = 0;
  virtual void on_fetch_burst_over() {}                      // what came together is all handed on
  virtual void on_fetch_end() = 0;                           // complete; last call
  // with or without a head before; last call
  virtual void on_fetch_failed(const Failure& failure) = 0;
  virtual void on_fetch_room() = 0;                          // more of the request body may come
};

class Fetch final : public OriginUser, public Mortal {
 public:
  // Request body bytes that are kept so that the request can be sent again elsewhere.
  static constexpr size_t kHeldMax = 64u << 10;
  // unsent request bytes at which the client is paused
  static constexpr size_t kBacklogMax = 256u << 10;
  // An answer under way from an endpoint that is down may be silent for so long before it is given
  // up.
  static constexpr Duration kUnhealthyGrace = 1s;
  // Beyond the world's `stale_after`, for tables that do not answer at all.
  static constexpr Duration kTablesPatience = 100ms;
  // For the first byte of an endpoint that was believed down when it was asked, because nobody else
  // is left: it may think, but more likely it is frozen, and the user should hear so.
  static constexpr Duration kLastResortPatience = 10s;

  static constexpr size_t kUnwatched = SIZE_MAX;

  struct Options {
    std::string extra_lines;  // conditional fields of a revalidation
    bool for_fill = false;
    bool in_burst = false;  // flush() comes: a head with a body waits for it too
  };
  Fetch(Context& context, std::shared_ptr<const Request> request, FetchSink& sink, Options options);
  ~Fetch() override;

  void start();
  void set_sink(FetchSink& sink) { sink_ = &sink; }
  // The request body, when request.head has one. Leaves in one write at flush(): when all of the
  // client's bytes that came together are handed over. False: nothing waited.
  void send_body(std::string_view bytes);
  void end_body();
  bool flush();
  bool congested() const;
  // Of the answer's bytes: stop reading from the origin.
  void pause();
  void resume();
  // After a 101.
  void tunnel(std::string_view bytes);
  void tunnel_end();

  const Request& request() const { return *request_; }
  Instant asked_at() const { return sent_at_; }
  Duration connect_time() const { return connect_time_; }
  Duration first_byte_time() const { return first_byte_time_; }
  // Region of the endpoint that answers; valid from on_fetch_head on.
  const std::string& region() const { return region_; }
  bool from_node() const { return from_node_; }
  // What the request says of its client, and how far the tables here were behind that when it went
  // to an agent: 0, not.
  const Seen& seen() const { return seen_; }
  uint64_t stale_ms() const { return stale_ms_; }

  // Only looks up the endpoint anew; view_moved(), which always follows, acts on it.
  void plan_moved(const plan::Plan& before, const plan::Plan& after);
  void view_moved();

  void on_origin_open() override;
  void on_origin_head(const wire::http::ResponseHead& head) override;
  void on_origin_body(std::string_view bytes) override;
  void on_origin_end() override;
  void on_origin_burst_over() override { sink_->on_fetch_burst_over(); }
  void on_origin_trouble(Trouble trouble) override;
  void on_origin_drained() override;
  void on_origin_deadline() override;

 private:
  std::optional<Pick> pick();
  std::string_view service_name() const;
  void attempt();
  void go_to(const Pick& pick, OriginPool::Want want);
  void connect(OriginPool::Want want);
  bool must_wait_for_tables(const plan::Endpoint& endpoint) const;
  void wait_for_tables();
  void tables_reached(const port::Sessions::Reached& reached);
  std::optional<Pick> node_of(std::string_view region);
  void send_request();
  void send_with_body(std::string_view head);
  void write_body(std::string_view bytes);
  void write_end();
  void cork();
  void trouble(Trouble what);
  void fail(Trouble what);
  void leave_endpoint();
  void touch();  // a byte came or went: move the deadline

  friend class Context;  // slot_
  Context& context_;
  const std::shared_ptr<const Request> request_;
  FetchSink* sink_;
  const Options options_;
  Exchange exchange_;
  Tried tried_;
  std::optional<plan::EndpointId> endpoint_;  // none while connection_ is to one that has gone
  OriginConnection* connection_ = nullptr;
  const Seen seen_;
  std::shared_ptr<Fetch*> waiting_;  // for the tables: the one way back to us from there
  std::unique_ptr<port::Timer> waiting_timer_;
  uint64_t stale_ms_ = 0;
  std::string region_, held_;
  bool ready_ = false;        // connection_ is open and has the head
  bool body_done_ = false;
  bool in_burst_;        // the first flush() has not come
  bool corked_ = false;  // what is sent waits in context_.request_cork
  bool over_ = false, tunnel_ = false, loaded_ = false, last_resort_ = false, from_node_ = false;
  bool failing_ = false;      // the endpoint is down, the answer is under way: kUnhealthyGrace
  bool paused_ = false;
  bool ever_sent_ = false;
  bool has_waited_ = false;   // for the tables
  size_t slot_ = kUnwatched;  // in the context's list of fetches under way
  Instant began_at_{}, sent_at_{};
  Duration check_timeout_{};  // of the endpoint
  Duration connect_time_{}, first_byte_time_{};
};

}  // namespace sealane::edge
