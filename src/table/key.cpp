// SPDX-License-Identifier: Apache-2.0
#include "table/key.h"

#include "base/hash.h"

namespace sealane::table {
namespace {

constexpr std::string_view kZeroByte("\x00\xff", 2), kEnd("\x00\x01", 2);
constexpr size_t kHashBytes = 2;

std::unexpected<Error> corrupt() { return fail(Code::corrupt, "a key's bytes do not read back"); }

void append_escaped(std::string& out, std::string_view bytes) {
  for (size_t zero; (zero = bytes.find('\0')) != std::string_view::npos;) {
    out.append(bytes.substr(0, zero)).append(kZeroByte);
    bytes.remove_prefix(zero + 1);
  }
  out.append(bytes).append(kEnd);
}

bool take_escaped(std::string_view& bytes, std::string& out) {
  for (size_t zero; (zero = bytes.find('\0')) != std::string_view::npos;) {
    out.append(bytes.substr(0, zero));
    const std::string_view pair = bytes.substr(zero, 2);
    bytes.remove_prefix(zero + pair.size());
    if (pair == kEnd) return true;
    if (pair != kZeroByte) return false;
    out.push_back('\0');
  }
  return false;
}

uint16_t hash_of_ordered(std::string_view bytes) { return uint16_t(mix64(fnv1a(bytes)) >> 48); }

const Value* of_type(const Item& item, const KeyAttribute& attribute) {
  const Value* value = item.find(attribute.name);
  return value && value->is(attribute.type) ? value : nullptr;
}

}  // namespace

void append_ordered(std::string& out, const Value& value) {
  if (const auto* text = value.get<std::string>()) return append_escaped(out, *text);
  if (const auto* number = value.get<Number>()) return number->append_ordered(out);
  const auto* binary = value.get<Binary>();
  SL_ASSERT(binary);
  append_escaped(out, binary->bytes);
}

Result<Value> take_ordered(std::string_view& bytes, Type type) {
  if (type == Type::N) {
    SL_TRY(Number number, Number::take_ordered(bytes));
    return Value(number);
  }
  SL_ASSERT(type == Type::S || type == Type::B);
  std::string text;
  if (!take_escaped(bytes, text)) return corrupt();
  return type == Type::S ? Value(std::move(text)) : Value(Binary{std::move(text)});
}

uint16_t hash_of(const Value& hash_key) {
  std::string ordered;
  append_ordered(ordered, hash_key);
  return hash_of_ordered(ordered);
}

std::string encode_key(const Value& hash, const Value* range) {
  std::string out = encode_key_prefix(hash);
  if (range) append_ordered(out, *range);
  return out;
}

std::string encode_key_prefix(const Value& hash) {
  std::string out(kHashBytes, '\0');
  append_ordered(out, hash);
  const uint16_t hash16 = hash_of_ordered(std::string_view(out).substr(kHashBytes));
  out[0] = char(hash16 >> 8);
  out[1] = char(hash16 & 0xff);
  return out;
}

Result<Item> take_key(std::string_view& bytes, const KeySchema& schema) {
  if (bytes.size() < kHashBytes) return corrupt();
  const uint16_t hash16 = uint16_t(uint8_t(bytes[0]) << 8 | uint8_t(bytes[1]));
  bytes.remove_prefix(kHashBytes);
  const std::string_view ordered = bytes;
  SL_TRY(Value hash, take_ordered(bytes, schema.hash.type));
  if (hash16 != hash_of_ordered(ordered.substr(0, ordered.size() - bytes.size()))) return corrupt();
  Item out;
  out.set(schema.hash.name, std::move(hash));
  if (schema.range) {
    SL_TRY(Value range, take_ordered(bytes, schema.range->type));
    out.set(schema.range->name, std::move(range));
  }
  return out;
}

std::string after_prefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) prefix.back() = char(uint8_t(prefix.back()) + 1);
  return prefix;
}

std::optional<std::string> key_of(const Item& item, const KeySchema& schema) {
  const Value* hash = of_type(item, schema.hash);
  if (!hash) return std::nullopt;
  const Value* range = nullptr;
  if (schema.range && !(range = of_type(item, *schema.range))) return std::nullopt;
  return encode_key(*hash, range);
}

}  // namespace sealane::table
