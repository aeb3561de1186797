// SPDX-License-Identifier: Apache-2.0
#include "health/probes.h"

#include <algorithm>
#include <array>

namespace sealane::health {
namespace {

constexpr std::array kKinds = {
    ProbeKind{plan::CheckKind::http, "http", probes::make_http},
    ProbeKind{plan::CheckKind::https, "https", probes::make_http},
    ProbeKind{plan::CheckKind::tcp, "tcp", probes::make_tcp},
};

}  // namespace

std::span<const ProbeKind> probe_kinds() { return kKinds; }

std::unique_ptr<Prober> make_prober(const Target& target, ProbeListener& listener) {
  const auto found = std::ranges::find(kKinds, target.check.kind, &ProbeKind::kind);
  SL_ASSERT(found != kKinds.end());
  return found->make(target, listener);
}

// | error code  | before the stream opened                    | after   |
// |-------------|---------------------------------------------|---------|
// | timeout     | timeout                                     | timeout |
// | limit       | not made: no descriptor of our own          | not made|
// | conflict    | not made: our own address or ports are not free | reset |
// | invalid     | TLS handshake or certificate wrong          | tls     |
// | others      | refused, or unreachable                     | reset   |
view::Outcome outcome_of(const Error& error, bool opened, bool tls) {
  switch (error.code) {
    case Code::timeout:
      return view::Outcome::timeout;
    case Code::limit:
      return view::Outcome::unknown;
    case Code::conflict:
      return opened ? view::Outcome::reset : view::Outcome::unknown;
    case Code::invalid:
      if (tls) return view::Outcome::tls;
      break;
    default:
      break;
  }
  return opened ? view::Outcome::reset : view::Outcome::refused;
}

}  // namespace sealane::health
