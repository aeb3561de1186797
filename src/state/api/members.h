// SPDX-License-Identifier: Apache-2.0
// Reads the members of a request as AWS's services do: first the shape (wrong JSON types are a
// SerializationException), then the constraints of the model, all of them told together ("2
// validation errors detected: ..."); what the values mean comes after that and is the operations'
// business.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "state/api/api.h"

namespace sealane::state::api {

// What is wrong with the request so far.
class Mistakes {
 public:
  static constexpr size_t kToldMax = 10;
  void shape(std::string message);  // the first one counts
  // "Value 'ab' at 'tableName' failed to satisfy constraint: Member must ..."; `value` with its
  // quotes, or null.
  void constraint(std::string_view value, std::string_view at, std::string_view rule);
  Outcome<void> check() const;

 private:
  std::optional<std::string> shape_;
  std::vector<std::string> constraints_;
};

struct TextRule {
  bool is_required = false;
  size_t length_min = 0, length_max = std::numeric_limits<size_t>::max();
  bool is_name = false;  // [a-zA-Z0-9_.-]+
  std::span<const std::string_view> one_of = {};
};
struct IntegerRule {
  bool is_required = false;
  int64_t min = std::numeric_limits<int64_t>::min(), max = std::numeric_limits<int64_t>::max();
  std::string_view type = "Integer";
};
struct ListRule {
  bool is_required = false;
  size_t length_min = 0, length_max = std::numeric_limits<size_t>::max();
};

// Of one JSON object of the request. Members that are null count as absent, unknown ones are
// ignored.
class Members {
 public:
  // `at`: where the object stands ("keySchema.1.member"), empty for the request itself.
  Members(simdjson::dom::object object, Mistakes& mistakes, std::string at = {})
      : object_(object), mistakes_(&mistakes), at_(std::move(at)) {}

  std::optional<simdjson::dom::element> find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name).has_value(); }
  std::optional<std::string_view> text(std::string_view name, const TextRule& rule = {}) const;
  std::optional<int64_t> integer(std::string_view name, const IntegerRule& rule = {}) const;
  std::optional<bool> flag(std::string_view name) const;
  // A map or a structure. `type` is its name in error messages.
  std::optional<simdjson::dom::object> object(std::string_view name, std::string_view type,
                                              bool is_required = false) const;
  std::optional<Members> structure(std::string_view name, bool is_required = false) const;
  std::optional<simdjson::dom::array> list(std::string_view name, const ListRule& rule = {}) const;
  // The structures of a list.
  std::vector<Members> structures(std::string_view name, std::string_view type,
                                  const ListRule& rule = {}) const;
  std::vector<std::string> texts(std::string_view name, const ListRule& rule = {},
                                 const TextRule& each = {}) const;

  // Where a member of this object stands: "tableName", "keySchema.1.member.keyType".
  std::string path(std::string_view name) const;
  Mistakes& mistakes() const { return *mistakes_; }

 private:
  void check_text(std::string_view value, const std::string& at, const TextRule& rule) const;
  simdjson::dom::object object_;
  Mistakes* mistakes_;
  std::string at_;
};

// Rules that stand in many operations.
extern const TextRule kTableNameRule, kIndexNameRule;
// The name in a TableName parameter, which may be an ARN.
std::string table_name_of(std::string_view parameter);
std::string read_table_name(const Members& members);

}  // namespace sealane::state::api
