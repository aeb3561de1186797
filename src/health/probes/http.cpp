// SPDX-License-Identifier: Apache-2.0
// HTTP and HTTPS: one GET on a fresh connection, judged by ProbeAnswer. The connection is torn down
// with the verdict, so a slow body costs nothing.
#include <fmt/format.h>

#include "health/probe_answer.h"
#include "health/probes.h"

namespace sealane::health::probes {
namespace {

std::string request(const Target& target) {
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: sealane-health\r\nAccept: */*\r\n{}Connection: "
      "close\r\n\r\n",
      target.path.empty() ? "/" : target.path, target.host,
      target.to_node ? "Sealane-Probe: 1\r\n" : "");
}

// SNI carries a DNS name without a port, never an address (RFC 6066 3).
std::string server_name(std::string_view host) {
  if (host.starts_with('[') || IpAddress::parse(host)) return "";
  const std::string_view name = host.substr(0, host.rfind(':'));
  return IpAddress::parse(name) ? "" : std::string(name);
}

class HttpProber final : public Prober, port::StreamHandler {
 public:
  HttpProber(const Target& target, ProbeListener& listener)
      : to_(target.address),
        request_(request(target)),
        needle_(target.check.search),
        listener_(listener) {
    options_.timeout = target.check.timeout;
    options_.from = target.from;
    options_.tls = target.check.kind == plan::CheckKind::https;
    if (options_.tls) options_.tls_name = server_name(target.host);
    options_.tls_verify = target.check.tls_verify;
    options_.reset_on_close = true;
  }

  void start(port::Net& net) override {
    opened_ = got_bytes_ = false;
    answer_.restart();
    stream_ = net.connect(to_, options_, *this);
  }
  void stop() override { stream_.reset(); }

 private:
  void on_open() override {
    opened_ = true;
    stream_->write(request_);
  }
  void on_data(std::span<const char> bytes) override {
    got_bytes_ = true;
    if (const auto verdict = answer_.take({bytes.data(), bytes.size()})) done(*verdict);
  }
  void on_end() override { done(got_bytes_ ? answer_.end() : view::Outcome::reset); }
  void on_error(const Error& error) override { done(outcome_of(error, opened_, options_.tls)); }
  void done(view::Outcome outcome) {
    stream_.reset();
    listener_.on_probed({.outcome = outcome, .status = answer_.status()});
  }

  const SocketAddress to_;
  const std::string request_;
  const Needle needle_;
  ProbeListener& listener_;
  port::ConnectOptions options_;
  ProbeAnswer answer_{needle_};
  std::unique_ptr<port::Stream> stream_;
  bool opened_ = false, got_bytes_ = false;
};

}  // namespace

std::unique_ptr<Prober> make_http(const Target& target, ProbeListener& listener) {
  return std::make_unique<HttpProber>(target, listener);
}

}  // namespace sealane::health::probes
