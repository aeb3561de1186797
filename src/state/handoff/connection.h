// SPDX-License-Identifier: Apache-2.0
// One connection of a pool: carries one call at a time, then rests.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "port/deadline.h"
#include "port/net.h"
#include "state/handoff/pool.h"
#include "wire/http/reader.h"

namespace sealane::state {

class Connection final : public port::StreamHandler {
 public:
  // An answer as it comes in. Elsewhere than in the connection, for that goes on with the next call
  // meanwhile.
  struct Got {
    uint16_t status = 0;
    std::string text;                       // of the fields
    std::vector<wire::http::Field> fields;  // views into `text`
    std::string body;
    size_t held_bytes = 0;                  // as the pool counts them
  };

  Connection(Pool& pool, const SocketAddress& to, const port::ConnectOptions& options);
  void send(Pool::Waiting waiting);
  void rest();
  // Lets go of the stream and of the call; nothing is heard of it any more.
  void close();

  std::optional<Pool::Waiting> take_call() { return std::exchange(waiting_, std::nullopt); }
  std::unique_ptr<Got> take_answer() { return std::move(got_); }
  bool is_open() const { return is_open_; }
  bool was_kept() const { return was_kept_; }
  bool has_begun() const { return has_begun_; }  // something of the answer is here

  void on_open() override { is_open_ = true; }
  void on_data(std::span<const char> bytes) override;
  void on_end() override;
  void on_error(const Error& error) override;

 private:
  bool take_head(const wire::http::ResponseHead& head);
  bool take_body(std::string_view bytes);
  void broke(Code code, std::string_view why);

  Pool& pool_;
  port::Deadline deadline_;  // of the call, or of the rest
  wire::http::ResponseReader reader_;
  std::optional<Pool::Waiting> waiting_;
  std::unique_ptr<Got> got_;
  bool is_open_ = false, was_kept_ = false, has_begun_ = false, keep_alive_ = false;
  std::unique_ptr<port::Stream> stream_;
};

}  // namespace sealane::state
