// SPDX-License-Identifier: Apache-2.0
// What is wrong with an expression whose syntax is right. DynamoDB reads an expression to its end
// and then reports one mistake: not the first in the text but the first by kind (each kind of
// expression has its own order), and of that kind the first in the text.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace sealane::table {

enum class Mistake : uint8_t {
  parentheses,
  unknown_function,
  misused_function,
  reserved_word,
  section,          // SET twice
  undefined_name,   // #n
  undefined_value,  // :v
  undefined,        // either: conditions tell the first of both, updates prefer names
  overlap,
  conflict,
  set_operand,  // of ADD and DELETE
  operand_count,
  not_distinct,
  operand_type,
  clause,  // the first mistake of the first wrong clause of a condition
};

class Mistakes {
 public:
  // Keeps the first of each kind.
  void note(Mistake kind, std::string what) {
    auto& kept = kept_[size_t(kind)];
    if (!kept) kept = std::move(what);
  }
  bool has(Mistake kind) const { return kept_[size_t(kind)].has_value(); }
  // The mistake to report, nullptr when there is none.
  const std::string* first(std::span<const Mistake> order) const {
    for (Mistake kind : order)
      if (has(kind)) return &*kept_[size_t(kind)];
    return nullptr;
  }

 private:
  std::array<std::optional<std::string>, size_t(Mistake::clause) + 1> kept_;
};

}  // namespace sealane::table
