// SPDX-License-Identifier: Apache-2.0
#include "main/exit_code.h"

#include <fmt/format.h>

#include <cstdio>

namespace sealane::main {

int report_failure(const Status& status) {
  if (status) return 0;
  fmt::print(stderr, "{}\n", status.error().what);
  switch (status.error().code) {
    case Code::timeout:
    case Code::unavailable: return 3;
    default: return 2;
  }
}

}  // namespace sealane::main
