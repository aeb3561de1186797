// SPDX-License-Identifier: Apache-2.0
#include "wire/dns/message.h"

#include <algorithm>

#include "wire/dns/name.h"
#include "wire/dns/rdata.h"

namespace sealane::wire::dns {
namespace {

constexpr size_t kRecordBytesMin = 11;  // root owner and no data

struct Decoder {
  std::span<const uint8_t> bytes;
  size_t at = kHeaderBytes;
  Message& message;

  Result<uint16_t> u16() {
    if (at + 2 > bytes.size()) return fail(Code::invalid, "the message is cut off");
    at += 2;
    return load16(bytes.data() + at - 2);
  }
  Status question() {
    Question question;
    SL_TRY(const std::string name, read_name(bytes, at));
    question.name = name_to_text(name);
    SL_TRY(question.type, u16());
    SL_TRY(question.klass, u16());
    message.questions.push_back(std::move(question));
    return {};
  }
  Status opt(uint16_t udp_bytes, uint32_t ttl, size_t end) {
    if (message.edns) return fail(Code::invalid, "more than one OPT record");
    Edns& edns = message.edns.emplace();
    edns.udp_bytes_max = udp_bytes;
    edns.version = uint8_t(ttl >> 16);
    edns.dnssec_ok = (ttl & 0x8000) != 0;
    message.rcode = Rcode(ttl >> 24 << 4 | uint16_t(message.rcode));
    while (at < end) {
      SL_TRY(const uint16_t code, u16());
      SL_TRY(const uint16_t size, u16());
      if (at + size > end) return fail(Code::invalid, "an EDNS option is cut off");
      edns.options.push_back({code, {reinterpret_cast<const char*>(bytes.data()) + at, size}});
      at += size;
    }
    if (at != end) return fail(Code::invalid, "an EDNS option runs past its record");
    return {};
  }
  Status record(std::vector<Record>& section, bool is_additional) {
    SL_TRY(const std::string owner, read_name(bytes, at));
    if (at + 10 > bytes.size()) return fail(Code::invalid, "a record is cut off");
    const uint16_t type = load16(bytes.data() + at), klass = load16(bytes.data() + at + 2);
    const uint32_t ttl = load32(bytes.data() + at + 4);
    const size_t data_bytes = load16(bytes.data() + at + 8);
    at += 10;
    const size_t end = at + data_bytes;
    if (end > bytes.size()) return fail(Code::invalid, "record data is cut off");
    if (type == Type::opt) {
      if (!is_additional || owner.size() != 1)
        return fail(Code::invalid, "an OPT record out of place");
      return opt(klass, ttl, end);
    }
    SL_TRY(std::string data, rdata_from_message(type, bytes, at, data_bytes));
    at = end;
    section.push_back({name_to_text(lower_name(owner)), type, ttl, std::move(data)});
    return {};
  }
};

Status append_record(const Record& record, std::string_view question_name, std::string& out) {
  SL_TRY(const std::string owner, name_to_wire(record.owner));
  if (owner.size() > 1 && owner == question_name) {
    append16(out, 0xc000 | kHeaderBytes);
  } else {
    out += owner;
  }
  if (record.rdata.size() > 65535) return fail(Code::limit, "record data of more than 65535 bytes");
  append16(out, record.type);
  append16(out, Class::in);
  append32(out, record.ttl_s);
  append16(out, uint16_t(record.rdata.size()));
  out += record.rdata;
  return {};
}

void append_opt(const Edns& edns, Rcode rcode, std::string& out) {
  std::string options;
  for (const Option& option : edns.options) {
    append16(options, option.code);
    append16(options, uint16_t(option.value.size()));
    options += option.value;
  }
  out.push_back('\0');
  append16(out, Type::opt);
  append16(out, edns.udp_bytes_max);
  append32(out, uint32_t{uint16_t(rcode)} >> 4 << 24 | uint32_t{edns.version} << 16 |
                    (edns.dnssec_ok ? 0x8000u : 0));
  append16(out, uint16_t(options.size()));
  out += options;
}

}  // namespace

const Option* Edns::find(uint16_t code) const {
  const auto found = std::ranges::find(options, code, &Option::code);
  return found == options.end() ? nullptr : &*found;
}

std::optional<uint8_t> Message::ecs_scope_bits() const {
  const Option* option = edns ? edns->find(OptionCode::ecs) : nullptr;
  if (option == nullptr || option->value.size() < 4) return std::nullopt;
  return uint8_t(option->value[3]);
}

Result<Message> decode_message(std::span<const uint8_t> bytes) {
  if (bytes.size() < kHeaderBytes)
    return fail(Code::invalid, "a message is shorter than its header");
  Message message;
  message.id = load16(bytes.data());
  message.flags = load16(bytes.data() + 2);
  message.rcode = Rcode(message.flags & 15);
  uint16_t counts[4];
  for (size_t i = 0; i < 4; ++i) counts[i] = load16(bytes.data() + 4 + 2 * i);
  Decoder decoder{.bytes = bytes, .message = message};
  for (unsigned i = 0; i < counts[0]; ++i) SL_CHECK(decoder.question());
  std::vector<Record>* sections[] = {&message.answers, &message.authorities, &message.additionals};
  for (size_t section = 0; section < 3; ++section) {
    sections[section]->reserve(
        std::min<size_t>(counts[section + 1], bytes.size() / kRecordBytesMin));
    for (unsigned i = 0; i < counts[section + 1]; ++i) {
      SL_CHECK(decoder.record(*sections[section], section == 2));
    }
  }
  if (decoder.at != bytes.size()) return fail(Code::invalid, "bytes behind the last record");
  return message;
}

Result<std::string> encode_message(const Message& message) {
  std::string out;
  append16(out, message.id);
  append16(out, uint16_t((message.flags & ~15) | (uint16_t(message.rcode) & 15)));
  append16(out, uint16_t(message.questions.size()));
  append16(out, uint16_t(message.answers.size()));
  append16(out, uint16_t(message.authorities.size()));
  append16(out, uint16_t(message.additionals.size() + (message.edns ? 1 : 0)));
  std::string first_name;
  for (const Question& question : message.questions) {
    SL_TRY(const std::string name, name_to_wire(question.name));
    if (out.size() == kHeaderBytes) first_name = name;
    out += name;
    append16(out, question.type);
    append16(out, question.klass);
  }
  for (const auto* section : {&message.answers, &message.authorities, &message.additionals}) {
    for (const Record& record : *section) SL_CHECK(append_record(record, first_name, out));
  }
  if (message.edns) append_opt(*message.edns, message.rcode, out);
  if (out.size() > kMessageBytesMax) return fail(Code::limit, "a message of more than 65535 bytes");
  return out;
}

std::string ecs_value(const Prefix& subnet, uint8_t scope_bits) {
  std::string value;
  append16(value, subnet.base.is_v4() ? 1 : 2);
  value.push_back(char(subnet.length));
  value.push_back(char(scope_bits));
  value += address_rdata(subnet.base).substr(0, (subnet.length + 7u) / 8);
  return value;
}

Result<std::string> make_query(std::string_view name, uint16_t type, const QueryOptions& options) {
  Message message;
  message.id = options.id;
  message.flags = options.recursion_desired ? Flag::rd : 0;
  message.questions.push_back({std::string(name), type, Class::in});
  Edns edns;
  edns.udp_bytes_max = options.udp_bytes_max;
  if (options.subnet) edns.options.push_back({OptionCode::ecs, ecs_value(*options.subnet, 0)});
  if (options.nsid) edns.options.push_back({OptionCode::nsid, ""});
  if (!options.cookie.empty()) edns.options.push_back({OptionCode::cookie, options.cookie});
  if (options.edns || !edns.options.empty()) message.edns = std::move(edns);
  return encode_message(message);
}

}  // namespace sealane::wire::dns
