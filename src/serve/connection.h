// SPDX-License-Identifier: Apache-2.0
// One client's connection: reads its requests one after another, hands each whole to the handler,
// and writes the answers in order. At most one request is with the handler.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>

#include "port/deadline.h"
#include "port/net.h"
#include "serve/core.h"
#include "wire/http/reader.h"

namespace sealane::serve {

class Connection final : public port::StreamHandler, public Listed {
 public:
  // Bytes of following requests that are kept while an answer is under way; then reading stops.
  static constexpr size_t kStashMax = 64u << 10;

  Connection(Core& core, uint32_t slot, std::unique_ptr<port::Stream> stream);
  ~Connection() override;

  uint32_t slot() const { return slot_; }
  bool is_pending(uint64_t serial) const { return serial != 0 && serial_ == serial; }
  bool has_client() const { return stream_ != nullptr; }
  void answer(const Answer& answer);
  // Sends what is queued and closes. A request that is with the handler stays until it is answered.
  void close();
  // Answers what the server itself refuses, and closes.
  void refuse(uint16_t status, std::string_view what);
  // In a turn of its own: reads on where reading had stopped.
  void go_on();
  // While it waits for memory: what its body needs.
  size_t wanted_bytes() const { return wanted_bytes_; }
  void memory_granted();

  void on_data(std::span<const char> bytes) override;
  void on_end() override;
  void on_drained() override;
  void on_error(const Error& error) override;

 private:
  bool may_read() const;
  bool is_idle() const;
  void process(std::string_view in);
  void keep(std::string_view in);
  void begin(const wire::http::RequestHead& head, bool head_only);
  void want_body(size_t bytes);
  void take_body(std::string_view bytes);
  void dispatch();
  void write(const Answer& answer);
  void send(std::initializer_list<std::string_view> parts);
  void stop_waiting();
  void release();
  void gone();
  void settle();
  void schedule();
  void expired();

  Core& core_;
  const uint32_t slot_;
  std::unique_ptr<port::Stream> stream_;  // nullptr: the client has gone
  wire::http::RequestReader reader_;
  std::unique_ptr<Buffers> buffers_;  // of the request that is being read or worked on
  std::string stash_;                 // read too early
  uint64_t serial_ = 0;               // of the request that is with the handler; 0: none
  size_t wanted_bytes_ = 0;
  size_t held_bytes_ = 0;             // as the core counts them
  size_t step_bytes_ = 0;             // of the body since read_by_ was set
  uint64_t written_bytes_ = 0, stalled_at_ = 0;
  port::Deadline deadline_;
  Instant read_by_, write_by_ = port::kNever, answer_by_ = port::kNever, memory_by_ = port::kNever;
  uint8_t minor_ = 1;
  bool keep_alive_ = true, to_head_ = false;
  bool continue_wanted_ = false;      // the client waits for 100 before it sends the body
  bool waits_for_memory_ = false;
  bool processing_ = false, paused_ = false, ended_ = false, client_left_ = false, buried_ = false;
  bool head_begun_ = false, was_idle_ = false;
};

}  // namespace sealane::serve
