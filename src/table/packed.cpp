// SPDX-License-Identifier: Apache-2.0
#include "table/packed.h"

#include <algorithm>

#include "table/attribute_json.h"
#include "table/size.h"

namespace sealane::table {
namespace {

std::unexpected<Error> corrupt() { return fail(Code::corrupt, "packed bytes do not read back"); }

bool take_type(std::string_view& bytes, Type& type) {
  if (bytes.empty()) return false;
  const uint8_t code = uint8_t(bytes.front());
  if (code < uint8_t(Type::S) || code > uint8_t(Type::boolean)) return false;
  type = Type(code);
  bytes.remove_prefix(1);
  return true;
}

bool take_bool(std::string_view& bytes, bool& value) {
  if (bytes.empty() || uint8_t(bytes.front()) > 1) return false;
  value = bytes.front() == 1;
  bytes.remove_prefix(1);
  return true;
}

// A count of things of at least one byte each. Still it is no ground to reserve that much: a list
// in a list in a list could each claim all the bytes that are left.
constexpr size_t kReserveMax = 64;

bool take_count(std::string_view& bytes, size_t& count) {
  uint64_t value = 0;
  if (!take_varint(bytes, value) || value > bytes.size()) return false;
  count = size_t(value);
  return true;
}

bool take_number_text(std::string_view& bytes, std::string_view& text) {
  return take_bytes(bytes, text) && Number::is_canonical(text);
}

// The elements of sets, as the reader of trees and the writer of JSON both check them: in order,
// each once.
bool take_element(std::string_view& bytes, std::string& out) {
  std::string_view text;
  if (!take_bytes(bytes, text)) return false;
  out = text;
  return true;
}

bool take_element(std::string_view& bytes, Binary& out) { return take_element(bytes, out.bytes); }

bool take_element(std::string_view& bytes, Number& out) {
  std::string_view text;
  if (!take_number_text(bytes, text)) return false;
  out = *Number::parse(text);
  return true;
}

template <typename Element>
bool take_set(std::string_view& bytes, std::vector<Element>& out) {
  size_t count = 0;
  if (!take_count(bytes, count) || count == 0) return false;
  out.reserve(std::min(count, kReserveMax));
  for (size_t i = 0; i < count; ++i) {
    if (!take_element(bytes, out.emplace_back())) return false;
    if (i > 0 && !(out[i - 1] < out[i])) return false;
  }
  return true;
}

bool take_value(std::string_view& bytes, size_t level, Value& out);

bool take_item(std::string_view& bytes, size_t level, Item& out) {
  size_t count = 0;
  if (!take_count(bytes, count)) return false;
  out.reserve(std::min(count, kReserveMax));
  std::string_view last, name;
  for (size_t i = 0; i < count; ++i, last = name) {
    if (!take_bytes(bytes, name) || (i > 0 && name <= last)) return false;
    if (!take_value(bytes, level, out.append(name))) return false;
  }
  return true;
}

bool take_list(std::string_view& bytes, size_t level, List& out) {
  size_t count = 0;
  if (!take_count(bytes, count)) return false;
  out.reserve(std::min(count, kReserveMax));
  for (; count > 0; --count)
    if (!take_value(bytes, level, out.emplace_back())) return false;
  return true;
}

bool take_value(std::string_view& bytes, size_t level, Value& out) {
  Type type;
  if (level > kDepthMax || !take_type(bytes, type)) return false;
  switch (type) {
    case Type::S: return take_element(bytes, out.emplace<std::string>());
    case Type::N: return take_element(bytes, out.emplace<Number>());
    case Type::B: return take_element(bytes, out.emplace<Binary>());
    case Type::SS: return take_set(bytes, out.emplace<StringSet>());
    case Type::NS: return take_set(bytes, out.emplace<NumberSet>());
    case Type::BS: return take_set(bytes, out.emplace<BinarySet>());
    case Type::M: return take_item(bytes, level + 1, out.emplace<Item>());
    case Type::L: return take_list(bytes, level + 1, out.emplace<List>());
    case Type::null: out.emplace<Null>(); return true;
    case Type::boolean: return take_bool(bytes, out.emplace<bool>());
  }
  return false;
}

// Adds what size_bytes() counts to `size`, if somebody wants it.
bool skip_value(std::string_view& bytes, size_t level, size_t* size);

bool skip_leaf(Type type, std::string_view& bytes, size_t* size) {
  std::string_view text;
  bool ignored;
  if (type == Type::null || type == Type::boolean) {
    if (size) *size += 1;
    return type == Type::null || take_bool(bytes, ignored);
  }
  if (!take_bytes(bytes, text)) return false;
  if (!size) return true;
  if (type != Type::N && type != Type::NS) {
    *size += text.size();
    return true;
  }
  const auto number = Number::parse(text);
  if (number) *size += size_bytes(*number);
  return number.has_value();
}

bool skip_value(std::string_view& bytes, size_t level, size_t* size) {
  Type type;
  size_t count = 0;
  if (level > kDepthMax || !take_type(bytes, type)) return false;
  const bool is_map = type == Type::M, is_set = type >= Type::SS && type <= Type::BS;
  if (!is_map && !is_set && type != Type::L) return skip_leaf(type, bytes, size);
  if (!take_count(bytes, count)) return false;
  if (size && !is_set) *size += kContainerBytes + count * kElementBytes;
  for (; count > 0; --count) {
    if (is_map && !skip_leaf(Type::S, bytes, size)) return false;  // the name
    if (is_set ? !skip_leaf(type, bytes, size) : !skip_value(bytes, level + 1, size)) return false;
  }
  return true;
}

struct Packer {
  std::string& out;
  size_t level;

  void pack(const Value& value) {
    SL_ASSERT(level <= kDepthMax);  // it would not read back: see depth() in size.h
    out.push_back(char(value.type()));
    std::visit(*this, value.form());
  }
  void operator()(const std::string& s) const { append_bytes(out, s); }
  void operator()(const Binary& b) const { append_bytes(out, b.bytes); }
  void operator()(const Number& n) const {
    char text[Number::kTextMax];
    append_bytes(out, {text, n.write(text)});
  }
  void operator()(const Null&) const {}
  void operator()(bool b) const { out.push_back(char(b)); }
  template <typename Element>
  void operator()(const std::vector<Element>& elements) const {
    append_varint(out, elements.size());
    for (const Element& element : elements) (*this)(element);
  }
  void operator()(const Item& map) const {
    append_varint(out, map.size());
    for (const auto& [name, value] : map) {
      append_bytes(out, name);
      (*this)(value);
    }
  }
  void operator()(const Value& value) const { Packer{out, level + 1}.pack(value); }
};

// Packed bytes to JSON. Refuses just what take_value() refuses.
class JsonWriter {
 public:
  JsonWriter(std::string& out, std::string_view& bytes) : out_(out), bytes_(bytes) {}

  bool value(size_t level) {
    Type type;
    if (level > kDepthMax || !take_type(bytes_, type)) return false;
    switch (type) {
      case Type::S: out_.append(R"({"S":)"); return text() && close();
      case Type::N: out_.append(R"({"N":)"); return number() && close();
      case Type::B: out_.append(R"({"B":)"); return binary() && close();
      case Type::SS: out_.append(R"({"SS":[)"); return set(&JsonWriter::text) && close();
      case Type::NS: out_.append(R"({"NS":[)"); return number_set() && close();
      case Type::BS: out_.append(R"({"BS":[)"); return set(&JsonWriter::binary) && close();
      case Type::M: out_.append(R"({"M":)"); return map(level + 1) && close();
      case Type::L: out_.append(R"({"L":[)"); return list(level + 1) && close();
      case Type::null: out_.append(R"({"NULL":true})"); return true;
      case Type::boolean: return boolean();
    }
    return false;
  }

  bool map(size_t level) {
    size_t count = 0;
    if (!take_count(bytes_, count)) return false;
    out_.push_back('{');
    std::string_view last, name;
    for (size_t i = 0; i < count; ++i, last = name) {
      if (!take_bytes(bytes_, name) || (i > 0 && name <= last)) return false;
      if (i > 0) out_.push_back(',');
      append_json_string(out_, name);
      out_.push_back(':');
      if (!value(level)) return false;
    }
    return close();
  }

 private:
  bool close() {
    out_.push_back('}');
    return true;
  }

  bool text() {
    if (!take_bytes(bytes_, taken_)) return false;
    append_json_string(out_, taken_);
    return true;
  }
  bool number() {
    if (!take_number_text(bytes_, taken_)) return false;
    out_.append(1, '"').append(taken_).append(1, '"');
    return true;
  }
  bool binary() {
    if (!take_bytes(bytes_, taken_)) return false;
    out_.push_back('"');
    append_base64(out_, taken_);
    out_.push_back('"');
    return true;
  }
  bool boolean() {
    bool is_true;
    if (!take_bool(bytes_, is_true)) return false;
    out_.append(is_true ? R"({"BOOL":true})" : R"({"BOOL":false})");
    return true;
  }

  bool set(bool (JsonWriter::*element)()) {
    size_t count = 0;
    if (!take_count(bytes_, count) || count == 0) return false;
    std::string_view last;
    for (size_t i = 0; i < count; ++i, last = taken_) {
      if (i > 0) out_.push_back(',');
      if (!(this->*element)() || (i > 0 && taken_ <= last)) return false;
    }
    out_.push_back(']');
    return true;
  }
  bool number_set() {
    size_t count = 0;
    if (!take_count(bytes_, count) || count == 0) return false;
    Number last;
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) out_.push_back(',');
      if (!number()) return false;
      const Number own = *Number::parse(taken_);
      if (i > 0 && own <= last) return false;
      last = own;
    }
    out_.push_back(']');
    return true;
  }
  bool list(size_t level) {
    size_t count = 0;
    if (!take_count(bytes_, count)) return false;
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) out_.push_back(',');
      if (!value(level)) return false;
    }
    out_.push_back(']');
    return true;
  }

  std::string& out_;
  std::string_view& bytes_;
  std::string_view taken_;  // the last text, number or binary
};

}  // namespace

void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(char(value | 0x80));
  out.push_back(char(value));
}

bool take_varint(std::string_view& bytes, uint64_t& value) {
  uint64_t out = 0;
  for (size_t at = 0; at < bytes.size() && at < 10; ++at) {
    const uint8_t byte = uint8_t(bytes[at]);
    out |= uint64_t(byte & 0x7f) << (7 * at);
    if (byte & 0x80) continue;
    if (at > 0 && byte == 0) return false;  // not the shortest form
    if (at == 9 && byte > 1) return false;  // more than 64 bits
    bytes.remove_prefix(at + 1);
    value = out;
    return true;
  }
  return false;
}

void append_bytes(std::string& out, std::string_view bytes) {
  append_varint(out, bytes.size());
  out.append(bytes);
}

bool take_bytes(std::string_view& from, std::string_view& bytes) {
  uint64_t size = 0;
  if (!take_varint(from, size) || size > from.size()) return false;
  bytes = from.substr(0, size_t(size));
  from.remove_prefix(size_t(size));
  return true;
}

void append_packed(std::string& out, const Value& value) { Packer{out, 1}.pack(value); }

void append_packed(std::string& out, const Item& item) { Packer{out, 0}(item); }

Result<Value> take_packed(std::string_view& bytes) {
  Value out;
  if (!take_value(bytes, 1, out)) return corrupt();
  return out;
}

Result<Item> take_packed_item(std::string_view& bytes) {
  Item out;
  if (!take_item(bytes, 1, out)) return corrupt();
  return out;
}

bool skip_packed(std::string_view& bytes) { return skip_value(bytes, 1, nullptr); }

bool skip_packed(std::string_view& bytes, size_t& size) { return skip_value(bytes, 1, &size); }

bool append_packed_as_json(std::string& out, std::string_view& bytes) {
  return JsonWriter(out, bytes).value(1);
}

bool append_packed_item_as_json(std::string& out, std::string_view& bytes) {
  return JsonWriter(out, bytes).map(1);
}

}  // namespace sealane::table
