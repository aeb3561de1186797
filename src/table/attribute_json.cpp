// SPDX-License-Identifier: Apache-2.0
#include "table/attribute_json.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "table/size.h"

namespace sealane::table {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::string_view kInvalidValues = "One or more parameter values were invalid: ";
constexpr const char* kNoType =
    "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
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

// ---- JSON's own types, as DynamoDB's deserializer takes them --------------------------------------------------------

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
  return std::ranges::equal(text, upper, [](char a, char b) {
    return (a >= 'a' && a <= 'z' ? a - 'a' + 'A' : a) == b;
  });
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

// ---- values ---------------------------------------------------------------------------------------------------------

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

template <typename T>
Value value_of(T form) {
  return Value(Value::Form(std::in_place_type<T>, std::move(form)));
}

Result<Value> parse_value(element json, size_t level);

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

Result<Value> parse_string_set(element json) {
  SL_TRY(const auto array, list_of(json));
  StringSet set;
  for (const element e : array) {
    SL_TRY(const auto text, text_of(e));
    set.emplace_back(text);
  }
  if (set.empty()) return wrong_value("An string set  may not be empty");
  if (!sort_set(set))
    return wrong_value("Input collection " + listed(array) + " contains duplicates.");
  return value_of(std::move(set));
}

Result<Value> parse_number_set(element json) {
  SL_TRY(const auto array, list_of(json));
  NumberSet set;
  for (const element e : array) {
    SL_TRY(const auto text, text_of(e));
    SL_TRY(const auto number, Number::parse(text));
    set.push_back(number);
  }
  if (set.empty()) return wrong_value("An number set  may not be empty");
  if (!sort_set(set)) return fail(Code::invalid, "Input collection contains duplicates");
  return value_of(std::move(set));
}

Result<Value> parse_binary_set(element json) {
  SL_TRY(const auto array, list_of(json));
  BinarySet set;
  for (const element e : array) {
    SL_TRY(auto bytes, bytes_of(e));
    set.push_back({std::move(bytes)});
  }
  if (set.empty()) return wrong_value("Binary sets should not be empty");
  if (!sort_set(set))
    return wrong_value("Input collection " + listed(array) + "of type BS contains duplicates.");
  return value_of(std::move(set));
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

std::unexpected<Error> empty_name() { return fail(Code::invalid, "Empty attribute name"); }

// Attributes in the order of their names. Of a name that is there twice the last counts.
Result<Item> parse_item(simdjson::dom::object object, size_t level) {
  Item out;
  out.reserve(object.size());
  if (is_sorted(object)) {
    if (object.size() > 0 && object.begin().key().empty()) return empty_name();
    for (const auto& [name, json] : object) {
      SL_TRY(Value value, parse_value(json, level));
      out.append(std::string(name), std::move(value));
    }
    return out;
  }
  std::vector<simdjson::dom::key_value_pair> fields;
  fields.reserve(object.size());
  for (const auto& field : object) fields.push_back(field);
  std::ranges::stable_sort(fields, {}, &simdjson::dom::key_value_pair::key);
  if (fields.front().key.empty()) return empty_name();
  for (size_t i = 0; i < fields.size(); ++i) {
    SL_TRY(Value value, parse_value(fields[i].value, level));
    if (i + 1 == fields.size() || fields[i + 1].key != fields[i].key)
      out.append(std::string(fields[i].key), std::move(value));
  }
  return out;
}

Result<Value> parse_list(element json, size_t level) {
  SL_TRY(const auto array, list_of(json));
  List list;
  list.reserve(array.size());
  for (const element e : array) {
    SL_TRY(Value value, parse_value(e, level));
    list.push_back(std::move(value));
  }
  return value_of(std::move(list));
}

Result<Value> parse_typed(Type type, element json, size_t level) {
  switch (type) {
    case Type::S: {
      SL_TRY(const auto text, text_of(json));
      return value_of(std::string(text));
    }
    case Type::N: {
      SL_TRY(const auto text, text_of(json));
      SL_TRY(const auto number, Number::parse(text));
      return value_of(number);
    }
    case Type::B: {
      SL_TRY(auto bytes, bytes_of(json));
      return value_of(Binary{std::move(bytes)});
    }
    case Type::SS: return parse_string_set(json);
    case Type::NS: return parse_number_set(json);
    case Type::BS: return parse_binary_set(json);
    case Type::M: {
      SL_TRY(const auto object, map_of(json));
      SL_TRY(Item map, parse_item(object, level + 1));
      return value_of(std::move(map));
    }
    case Type::L: return parse_list(json, level + 1);
    case Type::null: {
      SL_TRY(const bool is_null, bool_of(json));
      if (!is_null) return wrong_value("Null attribute value types must have the value of true");
      return Value();
    }
    case Type::boolean: {
      SL_TRY(const bool is_true, bool_of(json));
      return value_of(is_true);
    }
  }
  return Value();
}

// An AttributeValue is an object with one of the types; members that are null or unknown count as not there.
Result<Value> parse_value(element json, size_t level) {
  if (level > kDepthMax)
    return fail(Code::invalid,
                "Nesting Levels have exceeded supported limits: Attributes in the item have nested "
                "levels beyond supported limit");
  SL_TRY(const auto object, structure_of(json));
  Value out;
  unsigned types = 0;
  for (const auto& [name, member] : object) {
    Type type;
    if (!type_of(name, type) || member.is_null()) continue;
    SL_TRY(out, parse_typed(type, member, level));
    types |= 1u << unsigned(type);
  }
  if (types == 0)
    return fail(Code::invalid, kNoType);
  if ((types & (types - 1)) != 0)
    return fail(Code::invalid,
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of "
                "the supported datatypes");
  return out;
}

// ---- the shape alone -------------------------------------------------------------------------------------------------

// DynamoDB reads the whole request before it judges a value, so a wrong shape anywhere comes before a wrong value. We
// judge as we read, and look for the rest's shape only when a value was refused.
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
    } else if (const auto value = parse_typed(type, member, level);
               !value && is_wrong_shape(value.error())) {
      return std::unexpected(value.error());
    }
  }
  return {};
}

// ---- writing --------------------------------------------------------------------------------------------------------

constexpr uint64_t kOnes = 0x0101010101010101;

// The high bit of each byte of `word` that JSON wants escaped: below 20, quote, backslash. Bytes after the first hit
// may be marked falsely.
constexpr uint64_t escapes(uint64_t word) {
  const auto zeros = [](uint64_t w) { return (w - kOnes) & ~w; };
  const uint64_t control = (word - kOnes * 0x20) & ~word;
  return (control | zeros(word ^ (kOnes * '"')) | zeros(word ^ (kOnes * '\\'))) & (kOnes * 0x80);
}

// How many bytes from the front need no escape.
size_t plain_run(std::string_view text) {
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    if (escapes(word) != 0) break;
  }
  while (at < text.size() && uint8_t(text[at]) >= 0x20 && text[at] != '"' && text[at] != '\\') ++at;
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

// ---- base64 (RFC 4648 4) --------------------------------------------------------------------------------------------

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

Result<Value> value_from_json(element json) {
  auto out = parse_value(json, 1);
  if (!out && !is_wrong_shape(out.error())) SL_CHECK(check_shape(json, 1));
  return out;
}

Result<Item> item_from_json(element json) {
  SL_TRY(const auto object, map_of(json));
  auto out = parse_item(object, 1);
  if (!out && !is_wrong_shape(out.error()))
    for (const auto& field : object) SL_CHECK(check_shape(field.value, 1));
  return out;
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
  const auto byte = [&](size_t i) { return i < bytes.size() ? uint32_t(uint8_t(bytes[i])) : 0u; };
  size_t at = 0;
  const auto put = [&](uint32_t group, int digits) {
    for (int i = 0; i < digits; ++i) to[i] = kAlphabet[group >> (18 - 6 * i) & 63];
    to += 4;
  };
  for (; at + 3 <= bytes.size(); at += 3) put(byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2), 4);
  if (at < bytes.size()) put(byte(at) << 16 | byte(at + 1) << 8, int(bytes.size() - at) + 1);
}

Result<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0)
    return wrong_shape("Base64 encoded length is expected a multiple of 4 bytes but found: " +
                       std::to_string(text.size()));
  const size_t pad = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const size_t digit_count = text.size() - pad;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  uint8_t wrong = 0;
  for (size_t i = 0; i < digit_count; ++i) {
    const uint8_t digit = kDigits[uint8_t(text[i])];
    wrong |= digit & 0xc0;
    bits = bits << 6 | (digit & 63);
    if (i % 4 == 0) continue;
    const unsigned spare = 6 - 2 * (i % 4);  // bits of the last digit that begin the next byte
    out.push_back(char(bits >> spare));
  }
  const uint32_t spare_bits = pad == 0 ? 0 : bits & (pad == 2 ? 15u : 3u);
  // The spelling is AWS's.
  if (wrong || spare_bits != 0)
    return wrong_shape("Invalid last non-pad Base64 character dectected");
  return out;
}

}  // namespace sealane::table
