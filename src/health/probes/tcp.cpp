// SPDX-License-Identifier: Apache-2.0
// TCP: healthy when the connection opens.
#include "health/probes.h"

namespace sealane::health::probes {
namespace {

class TcpProber final : public Prober, port::StreamHandler {
 public:
  TcpProber(const Target& target, ProbeListener& listener) : target_(target), listener_(listener) {}

  void start(port::Net& net) override {
    port::ConnectOptions options;
    options.timeout = target_.check.timeout;
    options.from = target_.from;
    options.reset_on_close = true;
    stream_ = net.connect(target_.address, options, *this);
  }
  void stop() override { stream_.reset(); }

 private:
  void on_open() override { done(view::Outcome::ok); }
  void on_data(std::span<const char>) override {}
  void on_end() override {}
  void on_error(const Error& error) override { done(outcome_of(error, false, false)); }
  void done(view::Outcome outcome) {
    stream_.reset();
    listener_.on_probed({.outcome = outcome});
  }

  const Target target_;
  ProbeListener& listener_;
  std::unique_ptr<port::Stream> stream_;
};

}  // namespace

std::unique_ptr<Prober> make_tcp(const Target& target, ProbeListener& listener) {
  return std::make_unique<TcpProber>(target, listener);
}

}  // namespace sealane::health::probes
