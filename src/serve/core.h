// SPDX-License-Identifier: Apache-2.0
// What the connections of one server share: who is there, who is idle, who waits for memory, and
// the buffers.
#pragma once

#include <array>
#include <boost/intrusive/list.hpp>
#include <memory>
#include <string>
#include <vector>

#include "port/lane.h"
#include "serve/server.h"
#include "wire/http/date.h"

namespace sealane::serve {

class Connection;

// A connection stands in one of the core's lists at most, and leaves it by itself when it goes.
using Listed = boost::intrusive::list_base_hook<
    boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

// What a request lives in while it is read and worked on. An idle connection has none.
struct Buffers {
  std::string text;                       // the head's elements
  std::vector<wire::http::Field> fields;  // views into `text`
  std::string body;
  Request request;                        // views into all three
};

struct Counts {
  Counts(port::Meter& meter, const std::string& api);
  void refused(uint16_t status);

  port::Counter &connections, &buffered_bytes, &requests, &evicted, &memory_waits;

 private:
  static constexpr std::array<uint16_t, 9> kStatuses = {400, 408, 413, 414, 431,
                                                        500, 501, 503, 505};
  std::array<port::Counter*, kStatuses.size()> refused_;
};

class Core {
 public:
  static constexpr size_t kSparesMax = 256;               // buffers that wait for a request
  // larger ones are given back to the allocator
  static constexpr size_t kSpareBytesMax = 16u << 10;

  Core(port::Lane& on, Handler& to, Options with);
  ~Core();

  Result<SocketAddress> listen(const SocketAddress& at, const port::ListenOptions& how);
  void drain();
  // The connection whose request has this serial and is not answered; nullptr: none.
  Connection* find(uint32_t slot, uint64_t serial);
  void client_left();
  // The connection is without a stream and without a request: it is freed in the next turn.
  void bury(Connection& connection);
  // Calls go_on() of this connection in the next turn.
  void turn_to(Connection& connection);

  std::unique_ptr<Buffers> take_buffers();
  void give_back(std::unique_ptr<Buffers> buffers);

  // May so many bytes more be held? Large requests leave a quarter of the memory to the small.
  bool has_room(size_t bytes) const;
  void hold(size_t before, size_t now);
  // False: too many wait already.
  bool wait_for_memory(Connection& connection);

  std::string_view date_line();

  port::Lane& lane;
  Handler& handler;
  const Options options;
  const Limits& limits = options.limits;
  Counts count;
  boost::intrusive::list<Connection, boost::intrusive::base_hook<Listed>,
                         boost::intrusive::constant_time_size<false>> idle;  // longest idle first
  std::vector<wire::http::Field> scratch_fields;
  std::string scratch_head, scratch_body;
  uint64_t last_serial = 0;
  size_t open_count = 0;     // connections with a client
  size_t pending_count = 0;  // requests with the handler
  size_t waiting_count = 0;  // connections in waiting_
  size_t buffered_bytes = 0;
  bool draining = false;

 private:
  void accept(std::unique_ptr<port::Stream> stream);
  void turn();
  void feed_waiting();

  std::vector<std::unique_ptr<port::Listener>> listeners_;
  std::vector<std::unique_ptr<Connection>> connections_;  // by slot
  std::vector<uint32_t> free_slots_;
  std::vector<std::unique_ptr<Connection>> buried_;
  std::vector<uint32_t> ready_;  // slots
  boost::intrusive::list<Connection, boost::intrusive::base_hook<Listed>,
                         // longest waiting first
                         boost::intrusive::constant_time_size<false>> waiting_;
  std::vector<std::unique_ptr<Buffers>> spares_;
  std::unique_ptr<port::Timer> turn_;
  std::string date_line_;
  std::chrono::sys_seconds date_of_{};
};

}  // namespace sealane::serve
