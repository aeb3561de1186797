// SPDX-License-Identifier: Apache-2.0
// A signed call of a command to a running node's tables: those that are for operators.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/result.h"
#include "base/time.h"
#include "wire/aws_credentials.h"

namespace sealane::main {

struct TableCall {
  SocketAddress at;    // the node's tables
  std::string region;  // of the node
  std::string_view operation;
  nlohmann::json body;
  wire::Access access = wire::Access::read;  // what the operation needs
  Duration timeout = 5s;
};

// The answer's text. Errors say what the node said: `invalid` when it refused, `unavailable` when
// it could not.
Result<std::string> call_tables(const TableCall& call, const wire::AwsKeyring& keys);

}  // namespace sealane::main
