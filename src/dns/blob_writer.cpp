// SPDX-License-Identifier: Apache-2.0
#include "dns/blob_writer.h"

#include "wire/dns/name.h"
#include "wire/dns/types.h"

namespace sealane::dns {

using wire::dns::append16;
using wire::dns::append32;
using wire::dns::Type;

void BlobWriter::name(std::string_view wire, bool compress) {
  const bool has_anchor = compress && anchor_.size() > 1 &&
                          wire::dns::is_at_or_below(wire::dns::lower_name(wire), anchor_);
  if (!has_anchor || bytes_.size() + wire.size() > UINT16_MAX) {
    bytes_ += wire;
    return;
  }
  bytes_ += wire.substr(0, wire.size() - anchor_.size());
  patches_.push_back(uint16_t(bytes_.size()));
  append16(bytes_, 0xc000);
}

// RFC 3597 4: only the types of RFC 1035 may have compressed names in their data.
void BlobWriter::data(uint16_t type, std::string_view rdata) {
  const auto name_bytes = [](std::string_view at) {
    return wire::dns::wire_name_bytes({wire::dns::bytes_of(at), at.size()});
  };
  switch (type) {
    case Type::ns:
    case Type::cname:
    case Type::ptr:
      name(rdata, true);
      return;
    case Type::mx:
      bytes_ += rdata.substr(0, 2);
      name(rdata.substr(2), true);
      return;
    case Type::soa: {
      const size_t first = name_bytes(rdata);
      const size_t second = name_bytes(rdata.substr(first));
      name(rdata.substr(0, first), true);
      name(rdata.substr(first, second), true);
      bytes_ += rdata.substr(first + second);
      return;
    }
    default:
      bytes_ += rdata;
  }
}

void BlobWriter::add(Section section, std::string_view owner, const RecordSet& set) {
  for (const std::string& rdata : set.rdata) {
    if (owner.empty()) {
      append16(bytes_, 0xc000 | wire::dns::kHeaderBytes);
    } else {
      name(owner, true);
    }
    append16(bytes_, set.type);
    append16(bytes_, wire::dns::Class::in);
    append32(bytes_, set.ttl_s);
    const size_t length_at = bytes_.size();
    append16(bytes_, 0);
    last_data_at_ = bytes_.size();
    data(set.type, rdata);
    const size_t length = bytes_.size() - last_data_at_;
    bytes_[length_at] = char(length >> 8);
    bytes_[length_at + 1] = char(length & 0xff);
    switch (section) {
      case Section::answer:
        ++head.answer_count;
        break;
      case Section::authority:
        ++head.authority_count;
        break;
      case Section::additional:
        ++head.additional_count;
        break;
    }
  }
}

}  // namespace sealane::dns
