// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "play/drill/node_status.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto status =
      sealane::play::drill::parse_status({reinterpret_cast<const char*>(data), size});
  if (status) {
    for (const auto& e : status->endpoints) SL_ASSERT(e.id <= UINT16_MAX);
  } else {
    SL_ASSERT(!status.error().what.empty());
  }
  return 0;
}
