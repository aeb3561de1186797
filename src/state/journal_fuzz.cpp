// SPDX-License-Identifier: Apache-2.0
// Any bytes as an entry of the conflict journal: what reads back, of an older form too, packs to
// what reads back the same.
#include <cstdint>

#include "state/journal.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string_view rest = bytes;
  const auto lost = state::take_packed_lost(rest);
  if (!lost) return 0;
  std::string again;
  state::append_packed(again, *lost);
  std::string_view second = again;
  const auto same = state::take_packed_lost(second);
  SL_ASSERT(same && second.empty());
  std::string once_more;
  state::append_packed(once_more, *same);
  SL_ASSERT(once_more == again);
  return 0;
}
