// SPDX-License-Identifier: Apache-2.0
// Any text as a master file: records or an error with its place, and the records' own text reads
// back.
#include "wire/dns/rdata.h"
#include "wire/dns/types.h"
#include "wire/dns/zone_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane::wire::dns;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const sealane::Result<std::vector<Record>> records =
      parse_zone_file(text, "zone", "example.test");
  if (!records) {
    SL_ASSERT(records.error().what.starts_with("zone:"));
    return 0;
  }
  for (const Record& record : *records) {
    const std::string line = (record.owner.empty() ? "." : record.owner + ".") + " " +
                             std::to_string(record.ttl_s) + " " + type_name(record.type) + " " +
                             rdata_to_text(record.type, record.rdata) + "\n";
    const sealane::Result<std::vector<Record>> again = parse_zone_file(line, "zone", "other.test");
    SL_ASSERT(again.has_value() && again->size() == 1 && again->front() == record);
  }
  return 0;
}
