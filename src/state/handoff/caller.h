// SPDX-License-Identifier: Apache-2.0
// Operations of DynamoDB's API, asked of the server that tables are handed to: signed with this
// node's key for it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "port/lane.h"
#include "port/names.h"
#include "state/handoff/endpoint.h"
#include "state/handoff/pool.h"
#include "wire/aws_credentials.h"
#include "wire/sigv4.h"

namespace sealane::state {

// The error that an answer names, "ValidationException"; and its sentence. Empty: it names none.
// The bytes come from outside.
struct AwsError {
  std::string type, message;
};
AwsError aws_error_of(std::string_view body);

class Caller {
 public:
  static constexpr Duration kLoadKeyEvery = 1s;  // at most, while the key is refused

  struct Options {
    Endpoint endpoint;
    // at the start, by renew_key(), and when the server refuses the key
    std::function<Result<wire::AwsKey>()> load_key;
    PoolLimits limits;
  };
  struct Ask {
    std::string_view operation;            // "PutItem"
    std::string_view content_type = "application/x-amz-json-1.0";
    std::vector<wire::http::Field> fields{};  // more, unsigned; none of x-amz-*
    std::string_view body;
    bool of_streams = false;
    bool is_repeatable = false;
    std::function<bool()> is_wanted{};     // asked before it is sent; may be empty
  };
  // What the server does when it is there; as of the last call that came to an end.
  struct Health {
    bool is_known = false, is_reachable = false;
    Instant since{};
    std::string trouble;                   // why it is not
  };
  // What `ask` points to stays until then. Errors: those of Pool::Call; unavailable also when this
  // node has no key that the server takes.
  using Done = std::function<void(const Result<Reply>&)>;

  Caller(port::Lane& lane, port::Names& names, Options options);
  // Errors: limit (too many calls wait already), unavailable (this node has no key). `done` is not
  // called then, nor ever from inside.
  Status call(const Ask& ask, Done done);
  Status renew_key();

  const Endpoint& endpoint() const { return options_.endpoint; }
  const Health& health() const { return health_; }
  size_t connection_count() const;
  size_t waiting_count() const;

 private:
  struct Asked;
  Status send(const std::shared_ptr<Asked>& asked);
  std::string head_of(const Ask& ask, const Place& place);
  void answered(const std::shared_ptr<Asked>& asked, const Result<Reply>& reply);
  bool has_new_key();
  void note(bool is_reachable, std::string_view trouble);
  Pool& pool(bool of_streams) { return of_streams && streams_ ? *streams_ : tables_; }

  port::Lane& lane_;
  const Options options_;
  std::optional<wire::AwsKey> key_;
  std::string key_trouble_;     // why there is none
  Instant load_key_after_{};
  wire::sigv4::Signer signer_;
  Health health_;
  port::Counter &call_counter_, &failure_counter_, &key_counter_;
  port::Counter &connection_gauge_, &waiting_gauge_;
  Pool tables_;
  std::optional<Pool> streams_;  // where they are served elsewhere
};

}  // namespace sealane::state
