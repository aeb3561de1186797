// SPDX-License-Identifier: Apache-2.0
// Where replies come from, token by token: the model in model.h, or any OpenAI-compatible endpoint.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "port/lane.h"
#include "service.h"

namespace sealane::agent {

// Who takes the tokens. Called from the loop only, never from inside generate().
class TokenSink {
 public:
  virtual ~TokenSink() = default;
  virtual void on_token(std::string_view token) = 0;
  virtual void on_finished() = 0;                  // last call
  virtual void on_failed(const Error& error) = 0;  // last call
};

// One reply being made; destroying it stops it.
class Generation {
 public:
  virtual ~Generation() = default;
  // The sink cannot take more for now, or can again.
  virtual void hold(bool wait) = 0;
};

class Generator {
 public:
  virtual ~Generator() = default;
  virtual std::unique_ptr<Generation> generate(const Generate& turn, TokenSink& sink) = 0;
};

// The model in model.h. A streamed reply gives a token each `token_interval`, any other is there at
// once.
std::unique_ptr<Generator> local_generator(port::Lane& lane, std::string region,
                                           Duration token_interval);

struct RemoteOptions {
  SocketAddress address;
  bool tls = false;
  std::string host;   // Host header and SNI
  std::string path;   // ".../chat/completions"
  std::string model;  // as the endpoint calls it
  std::string key;    // bearer token; empty: none is sent
  std::string region;
};
// POST /v1/chat/completions with "stream": true, as OpenAI defined it and many servers speak it.
std::unique_ptr<Generator> remote_generator(port::Lane& lane, RemoteOptions options);

}  // namespace sealane::agent
