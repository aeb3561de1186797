// SPDX-License-Identifier: Apache-2.0
#include "wire/dns/name.h"

#include <algorithm>

namespace sealane::wire::dns {
namespace {

Error bad_name(std::string_view text, std::string_view why) {
  return {Code::invalid, "name '" + std::string(text) + "' " + std::string(why)};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Appends the labels of `text`; true when the text ended in a dot (or is the root).
Result<bool> append_labels(std::string_view text, std::string& wire) {
  if (text == ".") return true;
  std::string label;
  const auto close_label = [&]() -> Status {
    if (label.empty()) return std::unexpected(bad_name(text, "has an empty label"));
    if (label.size() > kLabelBytesMax) {
      return std::unexpected(bad_name(text, "has a label of more than 63 bytes"));
    }
    wire.push_back(char(label.size()));
    wire += label;
    label.clear();
    return {};
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.') {
      SL_CHECK(close_label());
      if (i + 1 == text.size()) return true;
    } else if (c != '\\') {
      label.push_back(c);
    } else if (i + 3 < text.size() && is_digit(text[i + 1]) && is_digit(text[i + 2]) &&
               is_digit(text[i + 3])) {
      const int value = (text[i + 1] - '0') * 100 + (text[i + 2] - '0') * 10 + (text[i + 3] - '0');
      if (value > 255) return std::unexpected(bad_name(text, "has an escape above \\255"));
      label.push_back(char(value));
      i += 3;
    } else if (i + 1 < text.size() && !is_digit(text[i + 1])) {
      label.push_back(text[++i]);
    } else {
      return std::unexpected(bad_name(text, "has an unfinished escape; write \\X or \\DDD"));
    }
  }
  if (!text.empty()) SL_CHECK(close_label());
  return false;
}

Result<std::string> finish(std::string_view text, std::string wire) {
  if (wire.size() > kNameBytesMax)
    return std::unexpected(bad_name(text, "is longer than 255 bytes"));
  return wire;
}

}  // namespace

Result<std::string> name_to_wire(std::string_view text) {
  std::string wire;
  SL_CHECK(append_labels(text, wire));
  wire.push_back('\0');
  return finish(text, std::move(wire));
}

Result<std::string> name_to_wire(std::string_view text, std::string_view origin) {
  if (text == "@") return std::string(origin);
  if (text.empty()) return std::unexpected(bad_name(text, "is empty"));
  std::string wire;
  SL_TRY(const bool absolute, append_labels(text, wire));
  if (absolute) {
    wire.push_back('\0');
  } else {
    wire += origin;
  }
  return finish(text, std::move(wire));
}

void append_escaped(std::string& out, uint8_t byte, std::string_view special) {
  if (byte < 0x20 || byte > 0x7e) {
    out += {'\\', char('0' + byte / 100), char('0' + byte / 10 % 10), char('0' + byte % 10)};
    return;
  }
  if (special.contains(char(byte))) out.push_back('\\');
  out.push_back(char(byte));
}

std::string name_to_text(std::string_view wire) {
  std::string text;
  while (!wire.empty() && wire[0] != '\0') {
    const size_t length = uint8_t(wire[0]);
    if (!text.empty()) text.push_back('.');
    for (const char c : wire.substr(1, length)) {
      if (c == ' ') {
        text += "\\032";
      } else {
        append_escaped(text, uint8_t(c), ".\\\"();@$");
      }
    }
    wire.remove_prefix(std::min(wire.size(), length + 1));
  }
  return text;
}

std::string lower_name(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = char(lower(uint8_t(c)));
  return out;
}

size_t wire_name_bytes(std::span<const uint8_t> bytes) {
  size_t at = 0;
  while (at < bytes.size() && at < kNameBytesMax) {
    const size_t length = bytes[at];
    if (length == 0) return at + 1;
    if (length > kLabelBytesMax) return 0;
    at += length + 1;
  }
  return 0;
}

Result<std::string> read_name(std::span<const uint8_t> message, size_t& at) {
  std::string wire;
  size_t here = at;
  size_t pointed_from =
      at;  // RFC 1035 4.1.4: a pointer leads to a prior place; each one further back
  bool jumped = false;
  for (;;) {
    if (here >= message.size())
      return fail(Code::invalid, "a name runs past the end of the message");
    const uint8_t length = message[here];
    if (length <= kLabelBytesMax) {
      if (here + 1 + length > message.size())
        return fail(Code::invalid, "a label runs past the end");
      wire.append(reinterpret_cast<const char*>(message.data()) + here, size_t{length} + 1);
      if (wire.size() > kNameBytesMax)
        return fail(Code::invalid, "a name is longer than 255 bytes");
      here += size_t{length} + 1;
      if (length > 0) continue;
      if (!jumped) at = here;
      return wire;
    }
    if (length < 0xc0) return fail(Code::invalid, "a label of a type that is not known");
    if (here + 2 > message.size()) return fail(Code::invalid, "a compression pointer is cut off");
    const size_t target = size_t(length & 0x3f) << 8 | message[here + 1];
    if (target >= pointed_from || target < 12) {
      return fail(Code::invalid, "a compression pointer does not lead back");
    }
    if (!jumped) at = here + 2;
    jumped = true;
    here = pointed_from = target;
  }
}

size_t label_count(std::string_view wire) {
  size_t count = 0;
  for (; !wire.empty() && wire[0] != '\0'; wire = parent_name(wire)) ++count;
  return count;
}

bool is_at_or_below(std::string_view name, std::string_view ancestor) {
  while (name.size() > ancestor.size()) name = parent_name(name);
  return name == ancestor;
}

}  // namespace sealane::wire::dns
