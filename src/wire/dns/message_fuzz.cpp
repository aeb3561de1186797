// SPDX-License-Identifier: Apache-2.0
// Any bytes as a message: what is read can be shown, and written and read again it is the same.
#include "wire/dns/message.h"
#include "wire/dns/rdata.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane::wire::dns;
  const sealane::Result<Message> message = decode_message({data, size});
  if (!message) return 0;
  for (const auto* section : {&message->answers, &message->authorities, &message->additionals}) {
    for (const Record& record : *section)
      SL_ASSERT(!rdata_to_text(record.type, record.rdata).empty() || record.rdata.empty());
  }
  const sealane::Result<std::string> written = encode_message(*message);
  if (!written) return 0;  // names written out may need more than 65,535 bytes
  const sealane::Result<Message> again = decode_message({bytes_of(*written), written->size()});
  SL_ASSERT(again.has_value());
  SL_ASSERT(again->questions == message->questions && again->answers == message->answers);
  SL_ASSERT(again->authorities == message->authorities &&
            again->additionals == message->additionals);
  SL_ASSERT(again->rcode == message->rcode);
  return 0;
}
