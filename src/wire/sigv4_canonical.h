// SPDX-License-Identifier: Apache-2.0
// The canonical forms that Signature Version 4 hashes: path, query, field values, and the whole
// request. Every client and every server must come to the same bytes.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/http/fields.h"

namespace sealane::wire::sigv4 {

// The path as sent, dot segments and empty segments taken out, each byte but the unreserved and "/"
// percent- encoded: what is encoded already is so a second time. Services other than S3.
void append_path(std::string& out, std::string_view path);
// A value without blanks around it and with single blanks inside.
void append_value(std::string& out, std::string_view value);

class Query {
 public:
  // Parameters decoded, encoded anew, ordered by name, then value. False: more than `count_max`.
  bool append(std::string& out, std::string_view query, size_t count_max);

 private:
  struct Parameter {
    size_t name_at, name_bytes, value_bytes;  // in text_; the value follows its name
  };
  std::string text_;
  std::vector<Parameter> parameters_;
};

// The values of all fields of this name, as sent, joined by commas. False: there is none.
bool append_values(std::string& out, std::span<const http::Field> fields, std::string_view name);

}  // namespace sealane::wire::sigv4
