// SPDX-License-Identifier: Apache-2.0
#include "view/view.h"

namespace sealane::view {

const char* name(Outcome outcome) {
  switch (outcome) {
    case Outcome::unknown: return "not probed yet";
    case Outcome::ok: return "ok";
    case Outcome::refused: return "connection refused";
    case Outcome::timeout: return "timeout";
    case Outcome::reset: return "connection reset";
    case Outcome::tls: return "TLS handshake failed";
    case Outcome::bad_status: return "bad status";
    case Outcome::no_match: return "search string not found";
    case Outcome::bad_answer: return "not an HTTP answer";
    case Outcome::unresolved: return "host name not resolved";
  }
  return "?";
}

View View::unknown(const plan::Plan& plan, Instant now) {
  View view;
  view.as_of = now;
  view.plan_version = plan.version;
  view.endpoints.resize(plan.endpoints.size());
  for (size_t i = 0; i < view.endpoints.size(); ++i) {
    const plan::Check& check = plan.endpoints[i].check;
    view.endpoints[i].since = now;
    view.endpoints[i].known = check.kind == plan::CheckKind::none || check.disabled;
  }
  return view;
}

}  // namespace sealane::view
