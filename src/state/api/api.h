// SPDX-License-Identifier: Apache-2.0
// DynamoDB's API over the engine: one function per operation, from the parsed JSON of a request to
// the JSON of its answer. Signatures, HTTP and waiting (for the disk, for another region, for a
// session's writes) are the shell's (service.h).
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "state/engine.h"
#include "state/lag.h"

namespace sealane::state::api {

// What an operation is given besides its body.
struct Call {
  Engine& engine;
  std::string_view region;        // of this node; the ARNs' region
  std::span<const std::string> regions;  // all that keep tables, this one too
  simdjson::dom::object body;
  uint64_t now_ms = 0;            // wall clock
  std::string_view host{};        // that the client asked, with its port
  std::function<std::vector<Lag>()> lags{};  // how far behind each other node this one is
};

// DynamoDB's errors: type without prefix ("ValidationException"), message, and members beside the
// message.
struct Failure {
  std::string type;
  std::string message;
  std::string members;            // more JSON members, each with a leading comma: `,"Item":{...}`
  uint16_t status = 400;
};

template <typename T>
using Outcome = std::expected<T, Failure>;

struct Answer {
  std::string json;
  Position written{};             // set when something was: acknowledged once it is durable
  table::Ack ack = table::Ack::local;
  // Of an operation that takes its time: begins it, and calls back on the lane with the answer,
  // never from inside.
  std::function<void(std::function<void(Outcome<Answer>)>)> later{};
};

std::unexpected<Failure> validation(std::string message);           // ValidationException
std::unexpected<Failure> serialization(std::string message);        // SerializationException
std::unexpected<Failure> table_not_found();  // "Requested resource not found"
// of the engine: InternalServerError and so on
std::unexpected<Failure> from_error(const Error& error);

struct Operation {
  std::string_view
      name;  // behind "DynamoDB_20120810.", "DynamoDBStreams_20120810." or "Sealane_20261122."
  Outcome<Answer> (*run)(Call& call);
  bool is_write;                  // what a read-only key may not do
  // What the signature must be scoped to, and what a key must be for. Operators' calls are not for
  // the agents' keys.
  std::string_view service = "dynamodb";
};
// All of them, sorted by name.
std::span<const Operation> operations();

}  // namespace sealane::state::api
