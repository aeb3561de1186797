// SPDX-License-Identifier: Apache-2.0
// Any target: normalising twice is normalising once, and never makes it longer.
#include "base/result.h"
#include "cache/key.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane::cache;
  const std::string_view target(reinterpret_cast<const char*>(data), size);
  std::string once, twice;
  append_target(once, target);
  append_target(twice, once);
  SL_ASSERT(once.size() <= target.size());
  SL_ASSERT(once == twice);
  return 0;
}
