// SPDX-License-Identifier: Apache-2.0
// Any bytes as a connection's input, as requests and as responses: whole and cut into pieces the
// outcome is the same, and every view lies inside the input.
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "wire/http/hop_by_hop.h"
#include "wire/http/reader.h"

namespace {

using namespace sealane::wire::http;

// What was read, as one text.
template <typename Head>
std::string transcript(std::string_view bytes, size_t piece) {
  const Limits limits{.head_bytes_max = 2048, .target_bytes_max = 256, .fields_max = 16};
  Reader<Head> reader;
  std::vector<Field> fields;
  std::string out;
  while (!bytes.empty()) {
    std::string_view in = bytes.substr(0, piece);
    bytes.remove_prefix(in.size());
    while (true) {
      const Event event = reader.next(in, limits, fields);
      if (event == Event::more) break;
      if (event == Event::refused)
        return out + "refused " + std::to_string(reader.refusal().status);
      if (event == Event::head) {
        const HopByHop hops(reader.head().fields);
        out += "head ";
        for (const Field& field : reader.head().fields) {
          if (!hops.drops(field.name))
            out.append(field.name).append(":").append(field.value).append("|");
        }
      }
      if (event == Event::body) out += reader.body();
      if (event == Event::end) out += " end\n";
    }
    SL_ASSERT(in.empty());
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = transcript<RequestHead>(bytes, bytes.size() + 1);
  SL_ASSERT(whole == transcript<RequestHead>(bytes, 1));
  SL_ASSERT(whole == transcript<RequestHead>(bytes, 7));
  SL_ASSERT(transcript<ResponseHead>(bytes, bytes.size() + 1) ==
            transcript<ResponseHead>(bytes, 3));
  return 0;
}
