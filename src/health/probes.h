// SPDX-License-Identifier: Apache-2.0
// The kinds of probes. A new kind is one file in probes/, its declaration here and its line in
// probes.cpp.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "health/probe.h"

namespace sealane::health {

// `listener` must outlive the prober.
using MakeProber = std::unique_ptr<Prober> (*)(const Target& target, ProbeListener& listener);

struct ProbeKind {
  plan::CheckKind kind;
  std::string_view name;
  MakeProber make;
};

std::span<const ProbeKind> probe_kinds();
// The prober for target.check.kind, which must not be `none`.
std::unique_ptr<Prober> make_prober(const Target& target, ProbeListener& listener);

namespace probes {

std::unique_ptr<Prober> make_http(const Target& target, ProbeListener& listener);  // HTTP and HTTPS
std::unique_ptr<Prober> make_tcp(const Target& target, ProbeListener& listener);

}  // namespace probes
}  // namespace sealane::health
