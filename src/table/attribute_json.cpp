// SPDX-License-Identifier: Apache-2.0
#include "table/attribute_json.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "table/size.h"

namespace sealane::table {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::string_view kInvalidValues = "One or more parameter values were invalid: ";
constexpr const char* kNoType =
    "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
constexpr const char* kTwoTypes =
    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
    "supported datatypes";
constexpr const char* kTooDeep =
    "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels "
    "beyond supported limit";
constexpr const char* kStructureHere = "Start of structure or map found where not expected";

std::unexpected<Error> wrong_shape(std::string_view what) {
  return fail(Code::invalid, std::string(kSerialization).append(what));
}
std::unexpected<Error> wrong_value(std::string_view what) {
  return fail(Code::invalid, std::string(kInvalidValues).append(what));
}
bool is_wrong_shape(const Error& error) { return error.what.starts_with(kSerialization); }

// "TRUE_VALUE cannot be converted to String"
std::unexpected<Error> cannot_convert(element json, std::string_view type) {
  const auto token = [&]() -> std::string_view {
    switch (json.type()) {
      case element_type::BOOL: return json.get_bool().value_unsafe() ? "TRUE_VALUE" : "FALSE_VALUE";
      case element_type::INT64:
      case element_type::UINT64: return "NUMBER_VALUE";
      case element_type::DOUBLE: return "DECIMAL_VALUE";
      default: return "NULL_VALUE";
    }
  };
  return wrong_shape(std::string(token()).append(" cannot be converted to ").append(type));
}

// ── JSON's own types, as DynamoDB's deserializer takes them ──

Result<std::string_view> text_of(element json) {
  switch (json.type()) {
    case element_type::STRING: return json.get_string().value_unsafe();
    case element_type::ARRAY:
      return wrong_shape("Unrecognized collection type class java.lang.String");
    case element_type::OBJECT: return wrong_shape(kStructureHere);
    default: return cannot_convert(json, "String");
  }
}

bool is_word(std::string_view text, std::string_view upper) {
  return std::ranges::equal(
      text, upper, [](char a, char b) { return (a >= 'a' && a <= 'z' ? a - 'a' + 'A' : a) == b; });
}

// Of strings it takes true, 1, yes and false, 0, no.
Result<bool> bool_of(element json) {
  switch (json.type()) {
    case element_type::BOOL: return json.get_bool().value_unsafe();
    case element_type::STRING: {
      const std::string_view text = json.get_string().value_unsafe();
      if (is_word(text, "TRUE") || is_word(text, "YES") || text == "1") return true;
      if (is_word(text, "FALSE") || is_word(text, "NO") || text == "0") return false;
      return wrong_shape("Unexpected token received from parser");
    }
    case element_type::ARRAY:
      return wrong_shape("Unrecognized collection type class java.lang.Boolean");
    case element_type::OBJECT: return wrong_shape(kStructureHere);
    default: return cannot_convert(json, "Boolean");
  }
}

Result<std::string> bytes_of(element json) {
  switch (json.type()) {
    case element_type::STRING: return from_base64(json.get_string().value_unsafe());
    case element_type::ARRAY:
      return wrong_shape("Unrecognized collection type class java.nio.ByteBuffer");
    case element_type::OBJECT: return wrong_shape(kStructureHere);
    default: return wrong_shape("only base-64-encoded strings are convertible to bytes");
  }
}

Result<simdjson::dom::array> list_of(element json) {
  if (json.is_array()) return json.get_array().value_unsafe();
  return wrong_shape(json.is_object() ? kStructureHere : "Unexpected field type");
}

constexpr std::string_view kMapOfValues =
    "Unrecognized collection type java.util.Map<java.lang.String, "
    "com.amazonaws.dynamodb.v20120810.AttributeValue>";

Result<simdjson::dom::object> map_of(element json) {
  if (json.is_object()) return json.get_object().value_unsafe();
  return wrong_shape(json.is_array() ? kMapOfValues : "Unexpected field type");
}

Result<simdjson::dom::object> structure_of(element json) {
  if (json.is_null()) return fail(Code::invalid, kNoType);
  if (json.is_object()) return json.get_object().value_unsafe();
  return wrong_shape(json.is_array() ? "Unrecognized collection type class "
                                       "com.amazonaws.dynamodb.v20120810.AttributeValue"
                                     : "Unexpected value type in payload");
}

// ── values ──

// False for names that are none of a value's types: DynamoDB passes over them.
bool type_of(std::string_view name, Type& type) {
  switch (name.size()) {
    case 1:
      switch (name[0]) {
        case 'S': type = Type::S; return true;
        case 'N': type = Type::N; return true;
        case 'B': type = Type::B; return true;
        case 'M': type = Type::M; return true;
        case 'L': type = Type::L; return true;
        default: return false;
      }
    case 2:
      if (name[1] != 'S') return false;
      switch (name[0]) {
        case 'S': type = Type::SS; return true;
        case 'N': type = Type::NS; return true;
        case 'B': type = Type::BS; return true;
        default: return false;
      }
    case 4:
      type = name == "NULL" ? Type::null : Type::boolean;
      return name == "NULL" || name == "BOOL";
    default: return false;
  }
}

Status parse_value(element json, size_t level, Value& out);

// "[a, b]": a set's elements as they came, for the message.
std::string listed(simdjson::dom::array set) {
  std::string out;
  for (const element e : set) {
    out.append(out.empty() ? "[" : ", ");
    out.append(e.get_string().value_unsafe());
  }
  return out.append("]");
}

// Sorts; false when an element is there twice.
template <typename Set>
bool sort_set(Set& set) {
  std::ranges::sort(set);
  return std::ranges::adjacent_find(set) == set.end();
}

Status parse_set(element json, StringSet& set) {
  SL_TRY(const auto array, list_of(json));
  for (const element e : array) {
    SL_TRY(const auto text, text_of(e));
    set.emplace_back(text);
  }
  if (set.empty()) return wrong_value("An string set  may not be empty");
  if (sort_set(set)) return {};
  return wrong_value("Input collection " + listed(array) + " contains duplicates.");
}

Status parse_set(element json, NumberSet& set) {
  SL_TRY(const auto array, list_of(json));
  for (const element e : array) {
    SL_TRY(const auto text, text_of(e));
    SL_TRY(const auto number, Number::parse(text));
    set.push_back(number);
  }
  if (set.empty()) return wrong_value("An number set  may not be empty");
  if (sort_set(set)) return {};
  return fail(Code::invalid, "Input collection contains duplicates");
}

Status parse_set(element json, BinarySet& set) {
  SL_TRY(const auto array, list_of(json));
  for (const element e : array) {
    SL_TRY(auto bytes, bytes_of(e));
    set.push_back({std::move(bytes)});
  }
  if (set.empty()) return wrong_value("Binary sets should not be empty");
  if (sort_set(set)) return {};
  return wrong_value("Input collection " + listed(array) + "of type BS contains duplicates.");
}

bool is_sorted(simdjson::dom::object object) {
  std::string_view last;
  bool is_first = true;
  for (const auto& [name, json] : object) {
    if (!is_first && name <= last) return false;
    last = name;
    is_first = false;
  }
  return true;
}

// Attributes in the order of their names. Of a name that is there twice the last counts.
Status parse_item(simdjson::dom::object object, size_t level, Item& out) {
  out.reserve(object.size());
  if (is_sorted(object)) {
    for (const auto& [name, json] : object) {
      SL_CHECK(check_attribute_name(name));
      SL_CHECK(parse_value(json, level, out.append(name)));
    }
    return {};
  }
  std::vector<simdjson::dom::key_value_pair> fields;
  fields.reserve(object.size());
  for (const auto& field : object) fields.push_back(field);
  std::ranges::stable_sort(fields, {}, &simdjson::dom::key_value_pair::key);
  for (const auto& field : fields) SL_CHECK(check_attribute_name(field.key));
  for (size_t i = 0; i < fields.size(); ++i) {
    const bool is_last = i + 1 == fields.size() || fields[i + 1].key != fields[i].key;
    Value unused;
    SL_CHECK(parse_value(fields[i].value, level, is_last ? out.append(fields[i].key) : unused));
  }
  return {};
}

Status parse_list(element json, size_t level, List& out) {
  SL_TRY(const auto array, list_of(json));
  out.reserve(array.size());
  for (const element e : array) SL_CHECK(parse_value(e, level, out.emplace_back()));
  return {};
}

Status parse_typed(Type type, element json, size_t level, Value& out) {
  switch (type) {
    case Type::S: {
      SL_TRY(const auto text, text_of(json));
      out.emplace<std::string>() = text;
      return {};
    }
    case Type::N: {
      SL_TRY(const auto text, text_of(json));
      SL_TRY(out.emplace<Number>(), Number::parse(text));
      return {};
    }
    case Type::B: {
      SL_TRY(out.emplace<Binary>().bytes, bytes_of(json));
      return {};
    }
    case Type::SS: return parse_set(json, out.emplace<StringSet>());
    case Type::NS: return parse_set(json, out.emplace<NumberSet>());
    case Type::BS: return parse_set(json, out.emplace<BinarySet>());
    case Type::M: {
      SL_TRY(const auto object, map_of(json));
      return parse_item(object, level + 1, out.emplace<Item>());
    }
    case Type::L: return parse_list(json, level + 1, out.emplace<List>());
    case Type::null: {
      SL_TRY(const bool is_null, bool_of(json));
      out.emplace<Null>();
      if (is_null) return {};
      return wrong_value("Null attribute value types must have the value of true");
    }
    case Type::boolean: {
      SL_TRY(out.emplace<bool>(), bool_of(json));
      return {};
    }
  }
  return {};
}

// An AttributeValue is an object with one of the types; members that are null or unknown count as
// not there.
Status parse_value(element json, size_t level, Value& out) {
  if (level > kDepthMax) return fail(Code::invalid, kTooDeep);
  SL_TRY(const auto object, structure_of(json));
  unsigned types = 0;
  for (const auto& [name, member] : object) {
    Type type;
    if (!type_of(name, type) || member.is_null()) continue;
    SL_CHECK(parse_typed(type, member, level, out));
    types |= 1u << unsigned(type);
  }
  if (types == 0) return fail(Code::invalid, kNoType);
  if ((types & (types - 1)) != 0) return fail(Code::invalid, kTwoTypes);
  return {};
}

// ── the shape alone ──

// DynamoDB reads the whole request before it judges a value, so a wrong shape anywhere comes before
// a wrong value. We judge as we read, and look for the rest's shape only when a value was refused.
Status check_shape(element json, size_t level) {
  if (level > kDepthMax || json.is_null()) return {};
  SL_TRY(const auto object, structure_of(json));
  for (const auto& [name, member] : object) {
    Type type;
    if (!type_of(name, type) || member.is_null()) continue;
    if (type == Type::M) {
      SL_TRY(const auto map, map_of(member));
      for (const auto& field : map) SL_CHECK(check_shape(field.value, level + 1));
    } else if (type == Type::L) {
      SL_TRY(const auto list, list_of(member));
      for (const element e : list) SL_CHECK(check_shape(e, level + 1));
    } else {
      Value unused;
      const auto parsed = parse_typed(type, member, level, unused);
      if (!parsed && is_wrong_shape(parsed.error())) return parsed;
    }
  }
  return {};
}

// ── writing ──

// Sixteen bytes as one vector (of GCC and Clang): true is 0xff.
using Block = uint8_t __attribute__((vector_size(16)));
constexpr Block all(char c) { return Block{} + uint8_t(c); }

// How many bytes from the front need no escape: JSON wants those below 20, quote and backslash
// escaped.
size_t plain_run(std::string_view text) {
  static_assert(std::endian::native == std::endian::little);  // the first byte is the lowest
  size_t at = 0;
  for (; at + sizeof(Block) <= text.size(); at += sizeof(Block)) {
    Block block;
    std::memcpy(&block, text.data() + at, sizeof block);
    const auto hits = (block < all(0x20)) | (block == all('"')) | (block == all('\\'));
    const auto [low, high] = std::bit_cast<std::array<uint64_t, 2>>(hits);
    if (low != 0) return at + size_t(std::countr_zero(low)) / 8;
    if (high != 0) return at + 8 + size_t(std::countr_zero(high)) / 8;
  }
  const auto wants_escape = [](char c) { return uint8_t(c) < 0x20 || c == '"' || c == '\\'; };
  while (at < text.size() && !wants_escape(text[at])) ++at;
  return at;
}

void append_escape(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"': out.append("\\\""); return;
    case '\\': out.append("\\\\"); return;
    case '\b': out.append("\\b"); return;
    case '\f': out.append("\\f"); return;
    case '\n': out.append("\\n"); return;
    case '\r': out.append("\\r"); return;
    case '\t': out.append("\\t"); return;
    default: out.append("\\u00").append(1, kHex[uint8_t(c) >> 4]).append(1, kHex[uint8_t(c) & 15]);
  }
}

struct Writer {
  std::string& out;

  void operator()(const std::string& s) const { append_json_string(out, s); }
  void operator()(const Number& n) const {
    char text[Number::kTextMax];
    out.append(1, '"').append(text, n.write(text)).append(1, '"');
  }
  void operator()(const Binary& b) const {
    out.push_back('"');
    append_base64(out, b.bytes);
    out.push_back('"');
  }
  void operator()(const Null&) const { out.append("true"); }
  void operator()(bool b) const { out.append(b ? "true" : "false"); }
  void operator()(const Item& map) const { append_json(out, map); }
  void operator()(const Value& value) const { append_json(out, value); }
  template <typename Element>
  void operator()(const std::vector<Element>& elements) const {
    char before = '[';
    for (const Element& e : elements) {
      out.push_back(before);
      (*this)(e);
      before = ',';
    }
    out.append(elements.empty() ? "[]" : "]");
  }
};

// ── base64 (RFC 4648 4) ──

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kNoDigit = 0xff;

constexpr auto kDigits = [] {
  std::array<uint8_t, 256> out{};
  out.fill(kNoDigit);
  for (size_t i = 0; i < kAlphabet.size(); ++i) out[uint8_t(kAlphabet[i])] = uint8_t(i);
  return out;
}();

}  // namespace

Status check_attribute_name(std::string_view name) {
  if (name.empty()) return fail(Code::invalid, "Empty attribute name");
  static_assert(kAttributeNameBytesMax == 65535);
  if (name.size() <= kAttributeNameBytesMax) return {};
  return fail(Code::invalid, "Attribute name is too large, must be less than 65536 bytes");
}

Result<Value> value_from_json(element json) {
  Value out;
  auto parsed = parse_value(json, 1, out);
  if (parsed) return out;
  if (!is_wrong_shape(parsed.error())) SL_CHECK(check_shape(json, 1));
  return std::unexpected(std::move(parsed).error());
}

Result<Item> item_from_json(element json) {
  SL_TRY(const auto object, map_of(json));
  Item out;
  auto parsed = parse_item(object, 1, out);
  if (parsed) return out;
  if (!is_wrong_shape(parsed.error()))
    for (const auto& field : object) SL_CHECK(check_shape(field.value, 1));
  return std::unexpected(std::move(parsed).error());
}

void append_json(std::string& out, const Value& value) {
  out.append("{\"").append(name(value.type())).append("\":");
  std::visit(Writer{out}, value.form());
  out.push_back('}');
}

void append_json(std::string& out, const Item& item) {
  char before = '{';
  for (const auto& [name, value] : item) {
    out.push_back(before);
    append_json_string(out, name);
    out.push_back(':');
    append_json(out, value);
    before = ',';
  }
  out.append(item.empty() ? "{}" : "}");
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (;;) {
    const size_t run = plain_run(text);
    out.append(text.substr(0, run));
    if (run == text.size()) break;
    append_escape(out, text[run]);
    text.remove_prefix(run + 1);
  }
  out.push_back('"');
}

void append_base64(std::string& out, std::string_view bytes) {
  const size_t start = out.size();
  out.resize(start + (bytes.size() + 2) / 3 * 4, '=');
  char* to = out.data() + start;
  const auto put = [&](uint32_t group, int digits) {
    for (int i = 0; i < digits; ++i) *to++ = kAlphabet[group >> (18 - 6 * i) & 63];
  };
  const auto* from = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t left = bytes.size();
  for (; left >= 3; left -= 3, from += 3) put(uint32_t(from[0] << 16 | from[1] << 8 | from[2]), 4);
  if (left == 2) put(uint32_t(from[0] << 16 | from[1] << 8), 3);
  if (left == 1) put(uint32_t(from[0] << 16), 2);
}

Result<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0)
    return wrong_shape("Base64 encoded length is expected a multiple of 4 bytes but found: " +
                       std::to_string(text.size()));
  const size_t pad = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string out(text.size() / 4 * 3, '\0');
  char* to = out.data();
  uint32_t seen = 0;  // all digits together: a high bit tells of one that is none
  uint32_t group = 0;
  const auto take = [&](const char* from, int digits) {
    group = 0;
    for (int i = 0; i < digits; ++i) {
      const uint32_t digit = kDigits[uint8_t(from[i])];
      seen |= digit;
      group |= digit << (18 - 6 * i);
    }
    for (int i = 0; i < 3; ++i) *to++ = char(uint8_t(group >> (16 - 8 * i)));
  };
  const char* from = text.data();
  const char* padded = text.data() + text.size() - (pad > 0 ? 4 : 0);
  for (; from != padded; from += 4) take(from, 4);
  if (pad > 0) take(from, int(4 - pad));
  out.resize(out.size() - pad);
  const uint32_t bits_beyond = pad > 0 ? group & ((1u << (8 * pad)) - 1) : 0;
  // The spelling is AWS's.
  if ((seen & ~63u) != 0 || bits_beyond != 0)
    return wrong_shape("Invalid last non-pad Base64 character dectected");
  return out;
}

}  // namespace sealane::table
