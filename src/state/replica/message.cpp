// SPDX-License-Identifier: Apache-2.0
#include "state/replica/message.h"

#include <fmt/format.h>

#include "table/packed.h"

namespace sealane::state {

using table::append_bytes;
using table::append_varint;
using table::take_bytes;
using table::take_varint;

namespace {

constexpr char kVersion = 1;

std::unexpected<Error> broken() {
  return fail(Code::invalid, "a message between nodes cannot be read");
}

// A node's name as one token of a subject.
std::string token(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    const bool fits =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    if (!fits) c = '_';
  }
  return out;
}

bool take_version(std::string_view& bytes) {
  if (bytes.empty() || bytes.front() != kVersion) return false;
  bytes.remove_prefix(1);
  return true;
}

bool take_source(std::string_view& bytes, table::Source& source) {
  uint64_t n = 0;
  if (!take_varint(bytes, n) || n > UINT32_MAX) return false;
  source = table::Source(n);
  return true;
}

bool take_string(std::string_view& bytes, std::string& out) {
  std::string_view view;
  if (!take_bytes(bytes, view)) return false;
  out = view;
  return true;
}

}  // namespace

std::string ack_subject(table::Source source) { return fmt::format("sealane.ack.{:08x}", source); }
std::string asked_subject(std::string_view node) { return "sealane.asked." + token(node); }
std::string read_subject(std::string_view node) { return "sealane.read." + token(node); }
std::string snapshot_subject(std::string_view node) { return "sealane.snapshot." + token(node); }

void begin_log_message(std::string& out, table::Source source, uint64_t first, bool wants_ack,
                       uint64_t first_kept) {
  out += kVersion;
  append_varint(out, source);
  append_varint(out, first);
  append_varint(out, wants_ack);
  append_varint(out, first_kept);
}

void append_log_entry(std::string& out, std::string_view packed_entry) {
  append_bytes(out, packed_entry);
}

Result<LogMessage> parse_log_message(std::string_view bytes) {
  LogMessage message;
  uint64_t wants_ack = 0;
  if (!take_version(bytes) || !take_source(bytes, message.source) ||
      !take_varint(bytes, message.first) || !take_varint(bytes, wants_ack) || wants_ack > 1 ||
      !take_varint(bytes, message.first_kept)) {
    return broken();
  }
  message.wants_ack = wants_ack == 1;
  while (!bytes.empty()) {
    std::string_view entry;
    if (!take_bytes(bytes, entry)) return broken();
    message.entries.push_back(entry);
  }
  return message;
}

void append_packed(std::string& out, const Hello& hello) {
  out += kVersion;
  append_bytes(out, hello.node);
  append_bytes(out, hello.region);
  append_varint(out, hello.source);
  append_varint(out, hello.now);
  append_varint(out, hello.bytes_per_entry);
  append_packed(out, hello.applied);
  append_packed(out, hello.complete);
  append_packed(out, hello.shown);
  append_packed(out, hello.broken_off);
}

Result<Hello> parse_hello(std::string_view bytes) {
  Hello hello;
  if (!take_version(bytes) || !take_string(bytes, hello.node) ||
      !take_string(bytes, hello.region) || !take_source(bytes, hello.source) ||
      !take_varint(bytes, hello.now) || !take_varint(bytes, hello.bytes_per_entry)) {
    return broken();
  }
  SL_TRY(hello.applied, table::take_packed_vector(bytes));
  SL_TRY(hello.complete, table::take_packed_vector(bytes));
  SL_TRY(hello.shown, table::take_packed_vector(bytes));
  SL_TRY(hello.broken_off, table::take_packed_vector(bytes));
  return hello;
}

void append_packed(std::string& out, const Reached& reached) {
  out += kVersion;
  append_bytes(out, reached.node);
  append_bytes(out, reached.region);
  append_varint(out, reached.position);
}

Result<Reached> parse_reached(std::string_view bytes) {
  Reached reached;
  if (!take_version(bytes) || !take_string(bytes, reached.node) ||
      !take_string(bytes, reached.region) || !take_varint(bytes, reached.position)) {
    return broken();
  }
  return reached;
}

void append_packed(std::string& out, const SessionNote& note) {
  out += kVersion;
  append_bytes(out, note.session);
  append_packed(out, note.seen);
}

Result<SessionNote> parse_session_note(std::string_view bytes) {
  SessionNote note;
  if (!take_version(bytes) || !take_string(bytes, note.session)) return broken();
  SL_TRY(note.seen, table::take_packed_vector(bytes));
  return note;
}

void append_packed(std::string& out, const ReadLog& read) {
  out += kVersion;
  append_bytes(out, read.region);
  append_varint(out, read.source);
  append_varint(out, read.from);
}

Result<ReadLog> parse_read_log(std::string_view bytes) {
  ReadLog read;
  if (!take_version(bytes) || !take_string(bytes, read.region) ||
      !take_source(bytes, read.source) || !take_varint(bytes, read.from)) {
    return broken();
  }
  return read;
}

void append_packed(std::string& out, const ReadSnapshot& read) {
  out += kVersion;
  append_bytes(out, read.region);
  append_varint(out, read.only);
  append_varint(out, read.table);
  append_bytes(out, read.after);
}

Result<ReadSnapshot> parse_read_snapshot(std::string_view bytes) {
  ReadSnapshot read;
  if (!take_version(bytes) || !take_string(bytes, read.region) || !take_varint(bytes, read.only) ||
      !take_varint(bytes, read.table) || !take_string(bytes, read.after)) {
    return broken();
  }
  return read;
}

void append_packed(std::string& out, const SnapshotPage& page) {
  out += kVersion;
  append_packed(out, page.applied);
  append_packed(out, page.shown);
  append_packed(out, page.broken_off);
  out += page.is_last ? '\1' : '\0';
  append_varint(out, page.next_table);
  append_bytes(out, page.next_after);
  append_varint(out, page.absent.size());
  for (const table::TableId id : page.absent) append_varint(out, id);
  for (const SnapshotPage::Part& part : page.parts) {
    append_varint(out, part.table);
    append_varint(out, part.records.size());
    for (const auto& [key, record] : part.records) {
      append_bytes(out, key);
      append_bytes(out, record);
    }
  }
}

Result<SnapshotPage> parse_snapshot_page(std::string_view bytes) {
  SnapshotPage page;
  if (!take_version(bytes)) return broken();
  SL_TRY(page.applied, table::take_packed_vector(bytes));
  SL_TRY(page.shown, table::take_packed_vector(bytes));
  SL_TRY(page.broken_off, table::take_packed_vector(bytes));
  if (bytes.empty() || uint8_t(bytes.front()) > 1) return broken();
  page.is_last = bytes.front() == '\1';
  bytes.remove_prefix(1);
  if (!take_varint(bytes, page.next_table) || !take_string(bytes, page.next_after)) return broken();
  uint64_t absent_count = 0;
  if (!take_varint(bytes, absent_count) || absent_count > bytes.size()) return broken();
  for (; absent_count > 0; --absent_count) {
    if (!take_varint(bytes, page.absent.emplace_back())) return broken();
  }
  while (!bytes.empty()) {
    SnapshotPage::Part& part = page.parts.emplace_back();
    uint64_t count = 0;
    if (!take_varint(bytes, part.table) || !take_varint(bytes, count) || count > bytes.size())
      return broken();
    for (; count > 0; --count) {
      auto& [key, record] = part.records.emplace_back();
      if (!take_string(bytes, key) || !take_string(bytes, record)) return broken();
    }
  }
  return page;
}

}  // namespace sealane::state
