// SPDX-License-Identifier: Apache-2.0
// Domain names between presentation form ("www.example.test", RFC 1035 5.1 escapes) and wire form
// (length bytes and labels, ending in the root's zero). A wire name is a std::string with every
// byte of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sealane::wire::dns {

constexpr size_t kNameBytesMax = 255;  // wire form with the root, RFC 1035 2.3.4
constexpr size_t kLabelBytesMax = 63;
constexpr size_t kLabelCountMax = 127;

// "WWW.Example.test", with or without the final dot; "" and "." are the root. Case is kept.
Result<std::string> name_to_wire(std::string_view text);
// The same, but a name without a final dot continues with `origin` (wire form), and "@" is `origin`
// itself.
Result<std::string> name_to_wire(std::string_view text, std::string_view origin);
// Presentation form without the final dot; "" is the root. Dots, backslashes, quotes and what is
// special in master files are escaped, bytes outside printable ASCII become \DDD.
std::string name_to_text(std::string_view wire);

// ASCII letters only, RFC 4343. Works on whole wire names: a length byte (63 at most) is never a
// letter.
constexpr uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? uint8_t(c + 32) : c; }
std::string lower_name(std::string_view name);

// Size in bytes of the uncompressed wire name at the start of `bytes`; 0 when there is none.
size_t wire_name_bytes(std::span<const uint8_t> bytes);
// Reads the possibly compressed name at `at` of a message into wire form and moves `at` behind it.
Result<std::string> read_name(std::span<const uint8_t> message, size_t& at);

// Labels without the root: "www.example.test" has 3.
size_t label_count(std::string_view wire);
// Without the first label; the root has no parent.
inline std::string_view parent_name(std::string_view wire) {
  return wire.substr(size_t(uint8_t(wire[0])) + 1);
}
// True when `name` is `ancestor` or lies below it; both lower case, wire form.
bool is_at_or_below(std::string_view name, std::string_view ancestor);

// One byte of a master-file string as it has to be written inside quotes or a label.
void append_escaped(std::string& out, uint8_t byte, std::string_view special);

}  // namespace sealane::wire::dns
