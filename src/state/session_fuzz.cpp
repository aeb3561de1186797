// SPDX-License-Identifier: Apache-2.0
#include "state/session.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane::state;
  const auto seen = from_token({reinterpret_cast<const char*>(data), size});
  if (!seen) return 0;
  const auto again = from_token(to_token(*seen));
  if (!again || *again != *seen) __builtin_trap();
  return 0;
}
