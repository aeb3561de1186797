// SPDX-License-Identifier: Apache-2.0
// The node's pages for operators on its metrics port: /metrics, /healthz, /readyz, /status,
// /explain. Read only, HTTP/1.1, on the control lane. Nothing on it changes anything.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "port/lane.h"
#include "wire/http/head.h"

namespace sealane::main {

struct Page {
  uint16_t status = 200;
  std::string type = "application/json";
  std::string body;
};

class Admin {
 public:
  static constexpr size_t kConnectionsMax = 256;
  static constexpr Duration kIdle = 60s;
  // `path` without the query; `query` decoded, last one wins.
  using Query = std::map<std::string, std::string, std::less<>>;
  using Handler = std::function<Page(std::string_view path, const Query& query)>;

  Admin(port::Lane& lane, Handler handler);
  ~Admin();
  Status listen(const SocketAddress& at);

 private:
  class Connection;
  port::Lane& lane_;
  const Handler handler_;
  std::unique_ptr<port::Listener> listener_;
  std::map<Connection*, std::unique_ptr<Connection>> connections_;
};

}  // namespace sealane::main
