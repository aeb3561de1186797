// SPDX-License-Identifier: Apache-2.0
#include "host/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <string_view>

#include "base/ip.h"

namespace sealane::host {
namespace {

constexpr unsigned char kAlpn[] = "\x08http/1.1";

int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                unsigned in_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kAlpn, sizeof kAlpn - 1, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;  // go on without: old clients offer nothing that we know
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

SslContextPtr make_context(const SSL_METHOD* method) {
  SslContextPtr context(SSL_CTX_new(method));
  SL_ASSERT(context != nullptr);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      // idle connections hold no buffers
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  return context;
}

}  // namespace

std::string tls_error() {
  char text[256] = "unknown TLS error";
  if (const unsigned long code = ERR_peek_last_error(); code != 0)
    ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

Result<std::shared_ptr<const Tls>> Tls::load(const TlsFiles& files) {
  auto tls = std::make_shared<Tls>();
  tls->client_ = make_context(TLS_client_method());
  SSL_CTX_set_default_verify_paths(tls->client_.get());
  if (!files.ca_file.empty() &&
      SSL_CTX_load_verify_locations(tls->client_.get(), files.ca_file.c_str(), nullptr) != 1) {
    return fail(Code::invalid,
                "cannot read the CA certificate " + files.ca_file + ": " + tls_error());
  }
  if (files.cert_file.empty()) return tls;

  tls->server_ = make_context(TLS_server_method());
  SSL_CTX* server = tls->server_.get();
  if (SSL_CTX_use_certificate_chain_file(server, files.cert_file.c_str()) != 1) {
    return fail(Code::invalid,
                "cannot read the certificate " + files.cert_file + ": " + tls_error());
  }
  if (SSL_CTX_use_PrivateKey_file(server, files.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(server) != 1) {
    return fail(Code::invalid, "the key " + files.key_file + " does not fit the certificate " +
                                   files.cert_file + ": " + tls_error());
  }
  SSL_CTX_set_alpn_select_cb(server, choose_alpn, nullptr);
  SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);  // stateless tickets instead
  return tls;
}

SslPtr Tls::accept(int fd) const {
  SslPtr ssl(SSL_new(server_.get()));
  if (ssl == nullptr || SSL_set_fd(ssl.get(), fd) != 1) return nullptr;
  SSL_set_accept_state(ssl.get());
  return ssl;
}

SslPtr Tls::connect(int fd, const std::string& name, bool verify) const {
  SslPtr ssl(SSL_new(client_.get()));
  if (ssl == nullptr || SSL_set_fd(ssl.get(), fd) != 1) return nullptr;
  SSL_set_connect_state(ssl.get());
  const auto ip = IpAddress::parse(name);
  // RFC 6066 3: no addresses
  if (!name.empty() && !ip) SSL_set_tlsext_host_name(ssl.get(), name.c_str());
  if (verify) {
    SSL_set_verify(ssl.get(), SSL_VERIFY_PEER, nullptr);
    if (ip) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), name.c_str());
    } else {
      SSL_set1_host(ssl.get(), name.c_str());
    }
  }
  return ssl;
}

}  // namespace sealane::host
