// SPDX-License-Identifier: Apache-2.0
// Any bytes: no crash, times in range, and one more `no-store` line is always seen.
#include "base/result.h"
#include "cache/cache_control.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane::cache;
  CacheControl cc;
  cc.add({reinterpret_cast<const char*>(data), size});
  for (const auto& time : {cc.max_age, cc.s_maxage, cc.stale_while_revalidate, cc.stale_if_error,
                           cc.min_fresh, cc.max_stale}) {
    SL_ASSERT(!time || (*time >= Seconds(0) && *time <= kDeltaMax));
  }
  cc.add("no-store");
  SL_ASSERT(cc.no_store);
  return 0;
}
