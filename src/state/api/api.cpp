// SPDX-License-Identifier: Apache-2.0
#include "state/api/api.h"

#include <fmt/format.h>

#include "state/api/outcome.h"
#include "table/attribute_json.h"

namespace sealane::state::api {

std::unexpected<Failure> failure(std::string_view type, std::string message) {
  return std::unexpected(Failure{.type = std::string(type), .message = std::move(message)});
}

std::unexpected<Failure> validation(std::string message) {
  return failure("ValidationException", std::move(message));
}

std::unexpected<Failure> serialization(std::string message) {
  return failure("SerializationException", std::move(message));
}

std::unexpected<Failure> invalid_values(std::string_view what) {
  return validation(fmt::format("One or more parameter values were invalid: {}", what));
}

std::unexpected<Failure> table_not_found() {
  return failure("ResourceNotFoundException", "Requested resource not found");
}

std::unexpected<Failure> table_not_found(std::string_view name) {
  return failure("ResourceNotFoundException",
                 fmt::format("Requested resource not found: Table: {} not found", name));
}

std::unexpected<Failure> from_error(const Error& error) {
  switch (error.code) {
    case Code::invalid:
      if (error.what.starts_with(table::kSerialization)) {
        return serialization(error.what.substr(table::kSerialization.size()));
      }
      return validation(error.what);
    case Code::not_found: return failure("ResourceNotFoundException", error.what);
    case Code::conflict: return failure("TransactionConflictException", error.what);
    case Code::limit: return failure("LimitExceededException", error.what);
    case Code::timeout:
    case Code::unavailable:
    case Code::corrupt: break;
  }
  auto internal = failure("InternalServerError", error.what);
  internal.error().status = 500;
  return internal;
}

}  // namespace sealane::state::api
