// SPDX-License-Identifier: Apache-2.0
// Any bytes as a query: what is read stays inside the packet and within the RFCs' bounds.
#include "wire/dns/query.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane::wire::dns;
  Query query;
  const Query::Verdict verdict = parse_query({data, size}, query);
  if (verdict == Query::Verdict::drop) return 0;
  SL_ASSERT(query.question_end <= size && query.question_end >= kHeaderBytes);
  SL_ASSERT(query.udp_bytes_max >= kUdpPlainBytesMax);
  if (verdict == Query::Verdict::ok) {
    SL_ASSERT(query.name_bytes > 0 && query.label_count <= kLabelCountMax);
    SL_ASSERT(wire_name_bytes(query.lower_name()) == query.name_bytes);
    const uint64_t hash = hash_name(query.name.data(), query.name_bytes);
    SL_ASSERT(hash == hash_name(query.name.data(), query.name_bytes));
  }
  if (query.subnet)
    SL_ASSERT(query.subnet->address.masked(query.subnet->source_bits) == query.subnet->address);
  return 0;
}
