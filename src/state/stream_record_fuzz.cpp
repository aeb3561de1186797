// SPDX-License-Identifier: Apache-2.0
// Any bytes as a stream record from the disk: what reads back packs to the same bytes.
#include <cstdint>

#include "state/stream_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string_view rest = bytes;
  const auto record = state::take_packed_stream_record(rest);
  const auto place = state::place_of_packed_stream_record(bytes);
  if (!record) return 0;
  SL_ASSERT(place && place->sequence == record->sequence && place->wall_ms == record->wall_ms);
  std::string again;
  state::append_packed(again, *record);
  SL_ASSERT(again == bytes.substr(0, bytes.size() - rest.size()));
  return 0;
}
