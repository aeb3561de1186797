// SPDX-License-Identifier: Apache-2.0
// A client of DynamoDB's API: signed JSON 1.0 over connections that are kept alive. A call is tried
// again, at the next server where there are several, until it is answered or its time is over; so a
// call that changes something must say by a condition that it is not to be done twice.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "port/lane.h"
#include "wire/aws_credentials.h"
#include "wire/sigv4.h"

namespace sealane::agent {

// What the server says in an answer that is an error: "ValidationException", and its sentence.
// Total: both empty when it says neither.
struct TableRefusal {
  std::string type, message;
};
TableRefusal refusal_of(std::string_view body);

class TableClient {
 public:
  static constexpr size_t kCallsMax = 1024;           // under way; more are refused
  static constexpr size_t kAnswerBytesMax = 4 << 20;  // an item of 400 KB, escaped
  static constexpr Duration kCallMax = 2s;            // of a call, with all its tries
  static constexpr Duration kTryMax = 900ms;
  static constexpr Duration kPauseMin = 20ms;  // between two tries, doubled each time

  struct Options {
    std::vector<SocketAddress> servers;  // the nearest first
    IpAddress from{};                    // unspecified: the kernel chooses
    std::string region;                  // the scope of signatures
    // asked when one is needed, and after it was refused
    std::function<Result<wire::AwsKey>()> load_key;
  };
  // The answer's body, or:
  //   conflict     the condition did not hold
  //   limit        the item would be larger than an item may be, or kCallsMax calls are under way
  //   timeout, unavailable  no server answered in time; a change may have been made or not
  //   invalid      anything else that will not get better
  using Done = std::function<void(Result<std::string>)>;

  TableClient(port::Lane& lane, Options options);
  ~TableClient();
  // `done` is called once, from the loop; at once only when the call is refused for kCallsMax.
  void call(std::string_view operation, std::string body, Done done);
  size_t connection_count() const { return connections_.size(); }

 private:
  class Connection;
  struct Call {
    std::string operation, body;
    Done done;
    Instant deadline;
    Duration pause = kPauseMin;
    Error last{Code::timeout, "no answer"};
    Connection* connection = nullptr;    // of the present try; none: between two
    std::unique_ptr<port::Timer> timer;  // ends the try, or the pause
  };
  void begin_try(uint64_t id);
  void timer_fired(uint64_t id);
  void failed(uint64_t id, Error error, bool elsewhere);
  void answered(uint64_t id, uint16_t status, std::string body);
  void finish(uint64_t id, Result<std::string> result);
  Connection& connection_to(const SocketAddress& server);
  Result<std::string> request(const Call& call, const SocketAddress& server);
  void sweep_soon() { sweep_timer_->arm_at(lane_.clock.now()); }

  port::Lane& lane_;
  const Options options_;
  size_t server_ = 0;  // the one that answered last
  std::optional<wire::AwsKey> key_;
  wire::sigv4::Signer signer_;
  std::map<uint64_t, Call> calls_;
  uint64_t last_id_ = 0;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<wire::http::Field> fields_;  // scratch of all readers
  std::unique_ptr<port::Timer> sweep_timer_;
};

}  // namespace sealane::agent
