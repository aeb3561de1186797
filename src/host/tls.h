// SPDX-License-Identifier: Apache-2.0
// TLS contexts: what a listener presents and what a connect trusts. OpenSSL stays inside host/.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "base/result.h"

namespace sealane::host {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;
using SslContextPtr = std::unique_ptr<SSL_CTX, SslFree>;

struct TlsFiles {
  std::string cert_file;  // PEM, leaf first
  std::string key_file;   // PEM
  std::string ca_file;    // PEM, trusted besides the system's; may be empty
};

// Shared by a node's lanes (OpenSSL locks what it must); immutable after load().
class Tls {
 public:
  // Without cert_file only connects are possible.
  static Result<std::shared_ptr<const Tls>> load(const TlsFiles& files);
  bool can_listen() const { return server_ != nullptr; }
  SslPtr accept(int fd) const;
  SslPtr connect(int fd, const std::string& name, bool verify) const;

 private:
  SslContextPtr server_, client_;
};

// What a lane's listeners present now.
using TlsSlot = std::shared_ptr<const Tls>;

// The newest OpenSSL error of this thread in words, and empties the queue.
std::string tls_error();

}  // namespace sealane::host
