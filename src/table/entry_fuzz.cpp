// SPDX-License-Identifier: Apache-2.0
// Any bytes as an entry of a change log, and as a vector: what reads back is packed to bytes that
// read back as the same.
#include <cstdint>

#include "table/entry.h"

namespace {

using namespace sealane;

template <typename T>
void check(std::string_view bytes, Result<T> (*take)(std::string_view&)) {
  std::string_view rest = bytes;
  const Result<T> taken = take(rest);
  if (!taken) return;
  std::string once;
  append_packed(once, *taken);
  SL_ASSERT(once.size() <= bytes.size() - rest.size());
  std::string_view all = once;
  const Result<T> again = take(all);
  SL_ASSERT(again && all.empty() && *again == *taken);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check(bytes, table::take_packed_entry);
  check(bytes, table::take_packed_vector);
  return 0;
}
