// SPDX-License-Identifier: Apache-2.0
// What stands in front of every operation of DynamoDB's API, whoever carries it out: which
// operation is asked for, by whom, and AWS's words for what is refused.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "port/lane.h"
#include "serve/server.h"
#include "state/api/api.h"
#include "wire/sigv4.h"

namespace sealane::state {

inline constexpr std::string_view kContentType = "application/x-amz-json-1.0";

// A field of the request; empty: there is none.
std::string_view field(const serve::Request& request, std::string_view name);
api::Failure failure(std::string_view type, std::string message, uint16_t status = 400);
api::Failure unknown_operation();

class Front {
 public:
  static constexpr size_t kMoreFieldsMax = 4;  // that refuse() takes

  struct Asked {
    std::string_view operation;  // "PutItem": a view into the request
    std::string_view
        service;  // "dynamodb", or "sealane": what operators ask of this world's tables
    bool of_streams = false;     // of DynamoDB Streams, a service of its own at AWS
  };
  // `regions`: of the world, what a signature may be scoped to.
  Front(port::Lane& lane, std::string region, std::vector<std::string> regions,
        std::shared_ptr<const wire::AwsKeyring> keys);

  void set_regions(std::vector<std::string> regions) { regions_ = std::move(regions); }
  void set_keys(std::shared_ptr<const wire::AwsKeyring> keys) { keys_ = std::move(keys); }
  // The operation that is asked for. None: the request is answered, for it asks for none.
  std::optional<Asked> read(const serve::Request& request, const serve::Responder& responder);
  // Checks who has signed, and whether they may. False: the request is refused.
  bool admit(const serve::Request& request, const serve::Responder& responder, const Asked& asked,
             wire::Access access);
  // `more`: fields beside those of every answer.
  void refuse(const serve::Responder& responder, const api::Failure& why,
              std::span<const wire::http::Field> more = {});
  // As AWS makes them: 52 letters and digits.
  std::string request_id();
  static serve::Answer word_refusal(uint16_t status, std::string_view what, std::string& text);

 private:
  api::Outcome<void> check_scope(const wire::sigv4::Identity& identity, const Asked& asked,
                                 wire::Access access) const;

  port::Lane& lane_;
  const std::string region_;
  std::vector<std::string> regions_;
  std::shared_ptr<const wire::AwsKeyring> keys_;
  wire::sigv4::Verifier verifier_;
  port::Counter& request_counter_;
  port::Counter& error_counter_;
};

}  // namespace sealane::state
