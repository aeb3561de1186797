// SPDX-License-Identifier: Apache-2.0
// Calls to one host: HTTP/1.1 over few connections that are kept, each call answered whole or
// failed within its time.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "port/deadline.h"
#include "port/lane.h"
#include "port/names.h"
#include "state/handoff/endpoint.h"
#include "wire/http/head.h"

namespace sealane::state {

struct PoolLimits {
  size_t connections_max = 256;            // busy and resting
  size_t waiting_max = 4096;               // calls that wait for a connection
  size_t answer_bytes_max = 48u << 20;     // of one body: 16 MiB of BatchGetItem, escaped
  size_t buffered_bytes_max = 256u << 20;  // of all bodies that are being read
  Duration connect_timeout = 1s;           // TLS included, each attempt
  Duration call_timeout = 10s;             // from the call to the last byte of its answer
};

// A whole answer; views that are valid during the call.
struct Reply {
  uint16_t status = 0;
  std::span<const wire::http::Field> fields;
  std::string_view body;
};

class Connection;

class Pool {
 public:
  // Below the 5 s after which Node.js closes an idle connection, so that we are the one who closes.
  static constexpr Duration kRestMax = 4s;
  // at most, and only while connections are opened; AWS's TTL
  static constexpr Duration kLookUpEvery = 5s;
  // after one that failed, while older addresses are known
  static constexpr Duration kLookUpAgain = 1s;
  static constexpr Duration kLookUpMax = 3s;
  static constexpr unsigned kTriesMax = 3;      // of one call, each at another address

  struct Call {
    std::string head;                // request line and fields, with the empty line
    std::string_view body{};         // stays until `done`
    bool is_repeatable = false;      // may be done twice: it changes nothing
    std::function<bool()> is_wanted{};  // asked before it is sent; may be empty
    // Once, never from inside call(). Errors: timeout; limit (the answer is too large); conflict
    // (it was not wanted any more); unavailable (no connection, or it broke: what was asked for may
    // have been done or not).
    std::function<void(const Result<Reply>&)> done;
  };
  // A call on its way.
  struct Waiting {
    Call call;
    Instant deadline;
    unsigned tries = 0;
    bool is_second = false;  // a kept connection broke under it
  };

  Pool(port::Lane& lane, port::Names& names, Place place, PoolLimits limits);
  ~Pool();  // forgets all calls
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Error `limit`: waiting_max calls wait already; `done` is not called then.
  Status call(Call call);
  size_t connection_count() const { return connections_.size(); }
  size_t waiting_count() const { return waiting_.size(); }
  size_t buffered_bytes() const { return buffered_bytes_; }

 private:
  friend class Connection;
  void turn();
  void feed();
  Connection* take_connection();
  bool may_open();
  void look_up();
  void looked_up(Result<std::vector<IpAddress>> found);
  void again(Waiting waiting);
  void end(Waiting waiting, const Result<Reply>& reply);

  // What a connection tells; it may be gone afterwards.
  void answered(Connection& connection, bool may_rest);
  void broke(Connection& connection, const Error& why);
  void drop(Connection& connection);
  // False: buffered_bytes_max would be passed.
  bool hold(size_t bytes);

  port::Lane& lane_;
  port::Names& names_;
  const Place place_;
  const PoolLimits limits_;
  std::vector<IpAddress> addresses_;
  size_t next_address_ = 0;
  Instant look_up_after_{};
  bool is_looking_ = false;
  std::deque<Waiting> waiting_;                           // the earliest deadline first
  std::vector<std::unique_ptr<Connection>> connections_;  // in no order
  std::vector<Connection*> resting_;                      // the one that rests last is used first
  std::vector<std::unique_ptr<Connection>> dropped_;      // freed in the next turn
  size_t buffered_bytes_ = 0;
  std::unique_ptr<port::Timer> turn_;
  port::Deadline waiting_by_, look_up_by_;
  std::vector<wire::http::Field> scratch_fields_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sealane::state
