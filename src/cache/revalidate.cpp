// SPDX-License-Identifier: Apache-2.0
#include "cache/revalidate.h"

#include <algorithm>
#include <vector>

namespace sealane::cache {
namespace {

using wire::http::equal_fold;
using wire::http::Field;

constexpr std::string_view kDropped[] = {"if-none-match", "if-modified-since", "if-range", "range"};

// RFC 9111 3.2: a 304 may not change what describes the stored body.
constexpr std::string_view kNotTaken[] = {"content-encoding", "content-type", "content-range",
                                          "content-length",   "content-md5",  "via"};

template <size_t N>
bool is_one_of(std::string_view name, const std::string_view (&names)[N]) {
  return std::any_of(std::begin(names), std::end(names),
                     [&](std::string_view other) { return equal_fold(name, other); });
}

// RFC 9111 4.3.4: a strong validator of the 304 must be the stored one; a weak one must match
// weakly; without any the one stored answer we asked about is meant.
bool names_another(const Head& head, std::span<const Field> fields) {
  const auto opaque = [](std::string_view tag) {
    return tag.starts_with("W/") ? tag.substr(2) : tag;
  };
  const auto theirs = wire::http::find(fields, "etag");
  const auto ours = head.etag();
  return theirs && ours && opaque(*theirs) != opaque(*ours);
}

}  // namespace

bool is_dropped_for_fill(std::string_view name) { return is_one_of(name, kDropped); }

std::string conditional_lines(const Head& head) {
  std::string out;
  if (const auto etag = head.etag()) out.append("If-None-Match: ").append(*etag).append("\r\n");
  if (const auto modified = head.find("last-modified"); modified && head.last_modified()) {
    out.append("If-Modified-Since: ").append(*modified).append("\r\n");
  }
  return out;
}

std::shared_ptr<const Stored> merge_not_modified(const Rule& rule, const Asked& asked,
                                                 const Stored& stored, const Got& got,
                                                 std::shared_ptr<Budget> budget) {
  if (names_another(stored.head, got.fields)) return nullptr;
  // The fields of the 304 first, then the stored ones whose name it does not have. Not the stored
  // Date: without one of its own the 304 is of now, or it would come back as old as it went (RFC
  // 9110 6.6.1). Via stays the stored one, which names us already.
  std::vector<Field> merged;
  for (const Field& field : got.fields) {
    if (!is_one_of(field.name, kNotTaken)) merged.push_back(field);
  }
  const size_t fresh_count = merged.size();
  for (size_t i = 0; i < stored.head.field_count(); ++i) {
    const Field field = stored.head.field(i);
    const auto same = [&](const Field& other) { return equal_fold(other.name, field.name); };
    if (equal_fold(field.name, "date")) continue;
    if (std::none_of(merged.begin(), merged.begin() + std::ptrdiff_t(fresh_count), same)) {
      merged.push_back(field);
    }
  }
  Got whole = got;
  whole.status = stored.head.status();
  whole.fields = merged;
  const Verdict verdict = may_store(rule, asked, whole);
  if (!verdict.store) return nullptr;
  return make_stored(std::move(budget), Head::make(whole, ""), stored.body,
                     make_vary(merged, asked.fields), verdict.freshness, got.got_at);
}

}  // namespace sealane::cache
