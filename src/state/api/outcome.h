// SPDX-License-Identifier: Apache-2.0
// From the Results of the rooms below to the Outcomes of the API.
#pragma once

#include <type_traits>
#include <utility>

#include "base/result.h"
#include "state/api/api.h"

namespace sealane::state::api {

template <typename T>
Outcome<T> lift(Result<T> result) {
  if (!result) return from_error(result.error());
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(*result);
  }
}

std::unexpected<Failure> failure(std::string_view type, std::string message);
// "Requested resource not found: Table: x not found", as the operations on tables say it.
std::unexpected<Failure> table_not_found(std::string_view name);
std::unexpected<Failure> invalid_values(
    std::string_view what);  // "One or more parameter values were invalid: "

}  // namespace sealane::state::api
