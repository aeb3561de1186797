// SPDX-License-Identifier: Apache-2.0
// JSON as text, member by member, with the commas where they belong.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "table/attribute_json.h"

namespace sealane::state::api {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& key(std::string_view name) {
    separate();
    table::append_json_string(out_, name);
    out_ += ':';
    needs_comma_ = false;
    return *this;
  }
  void open(char bracket) {
    separate();
    out_ += bracket;
    needs_comma_ = false;
  }
  void close(char bracket) {
    out_ += bracket;
    needs_comma_ = true;
  }
  void text(std::string_view value) {
    value_begins();
    table::append_json_string(out_, value);
  }
  void integer(uint64_t value) {
    value_begins();
    fmt::format_to(std::back_inserter(out_), "{}", value);
  }
  void boolean(bool value) {
    value_begins();
    out_ += value ? "true" : "false";
  }
  // Capacity units: halves.
  void units(double value) {
    value_begins();
    fmt::format_to(std::back_inserter(out_), "{:.1f}", value);
  }
  // A date, which DynamoDB writes as seconds since 1970.
  void date(uint64_t unix_ms) {
    value_begins();
    fmt::format_to(std::back_inserter(out_), "{}.{:03}", unix_ms / 1000, unix_ms % 1000);
  }
  void item(const table::Item& value) {
    value_begins();
    table::append_json(out_, value);
  }
  // Text that is JSON already.
  void raw(std::string_view json) {
    value_begins();
    out_ += json;
  }

 private:
  void separate() {
    if (needs_comma_) out_ += ',';
  }
  void value_begins() {
    separate();
    needs_comma_ = true;
  }
  std::string& out_;
  bool needs_comma_ = false;
};

}  // namespace sealane::state::api
