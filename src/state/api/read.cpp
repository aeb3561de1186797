// SPDX-License-Identifier: Apache-2.0
#include "state/api/read.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "state/api/contains.h"
#include "state/api/json_writer.h"
#include "state/api/keys.h"
#include "state/api/outcome.h"
#include "table/legacy.h"
#include "table/record.h"
#include "table/size.h"

namespace sealane::state::api {
namespace {

using table::Index;
using table::Item;
using table::IndexProjection;

constexpr std::string_view kSelects[] = {"SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES",
                                         "ALL_PROJECTED_ATTRIBUTES"};

Select select_of(std::string_view text) {
  if (text == "COUNT") return Select::count;
  if (text == "ALL_ATTRIBUTES") return Select::all_attributes;
  if (text == "ALL_PROJECTED_ATTRIBUTES") return Select::all_projected;
  return Select::specific;
}

bool shows(const Index& index, const Table& table, std::string_view attribute) {
  return index.projection.kind == IndexProjection::Kind::all ||
         is_key_attribute(index.key, attribute) || is_key_attribute(table.key, attribute) ||
         contains(index.projection.include, attribute);
}

// AWS, "Query": Select.
Outcome<void> check_select(const ReadRequest& read) {
  if (!read.select) return {};
  if (*read.select != Select::specific && read.projection) {
    constexpr std::string_view kNames[] = {"ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES",
                                           "SPECIFIC_ATTRIBUTES", "COUNT"};
    return validation(fmt::format(
        "Cannot specify the {} when choosing to get {}",
        read.is_legacy_projection ? "AttributesToGet" : "ProjectionExpression",
        *read.select == Select::count ? "only the Count" : kNames[size_t(*read.select)]));
  }
  if (*read.select == Select::all_projected && !read.index) {
    return invalid_values(
        "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName");
  }
  if (*read.select == Select::specific && !read.projection) {
    return invalid_values("SPECIFIC_ATTRIBUTES requires AttributesToGet or ProjectionExpression");
  }
  return {};
}

Outcome<void> check_index_projection(const ReadRequest& read) {
  if (!read.index || read.index->is_local) return {};
  if (read.select == Select::all_attributes &&
      read.index->projection.kind != IndexProjection::Kind::all) {
    return invalid_values(fmt::format(
        "Select type ALL_ATTRIBUTES is not supported for global secondary index {} because "
        "its projection type is not ALL",
        read.index->name));
  }
  if (!read.projection) return {};
  std::vector<std::string_view> missing;
  for (const table::Path& path : *read.projection) {
    if (!shows(*read.index, *read.table, path.attribute)) missing.push_back(path.attribute);
  }
  if (missing.empty()) return {};
  return invalid_values(fmt::format("Global secondary index {} does not project [{}]",
                                    read.index->name, fmt::join(missing, ", ")));
}

// Collects one page.
class Page {
 public:
  Page(const ReadRequest& read, std::string& json)
      : read_(read),
        json_(json),
        is_cut_(read.index &&
                (read.select.value_or(Select::all_projected) != Select::all_attributes)),
        is_whole_(!read.filter && !read.projection &&
                  (!is_cut_ || read.index->projection.kind == IndexProjection::Kind::all)) {}

  // Takes an item; false when the page is full.
  Outcome<bool> take(std::string_view packed) {
    return is_whole_ ? take_whole(packed) : take_apart(packed);
  }

  size_t bytes() const { return bytes_; }
  uint64_t count() const { return count_; }
  uint64_t scanned() const { return scanned_; }
  const Item& last() const { return last_; }

 private:
  // A local index may be asked for more than it shows: the table is read then (and charged).
  bool asks_beyond_index() const {
    if (read_.select == Select::all_attributes) return true;
    if (!read_.projection) return false;
    return std::ranges::any_of(*read_.projection, [&](const table::Path& path) {
      return !shows(*read_.index, *read_.table, path.attribute);
    });
  }
  // Nobody looks into it: from bytes to text, without a tree.
  Outcome<bool> take_whole(std::string_view packed) {
    SL_TRY(const table::Outline outline, lift(table::outline_of_packed_record(packed)));
    const bool is_full = is_full_with(outline.size_bytes);
    if (begin_item()) SL_CHECK(lift(table::append_packed_record_as_json(json_, packed)));
    if (!is_full) return true;
    SL_TRY(const table::Record record, lift(table::take_packed_record(packed)));
    last_ = key_item(table::item_of(record), *read_.table, read_.index);
    return false;
  }

  Outcome<bool> take_apart(std::string_view packed) {
    SL_TRY(const table::Record record, lift(table::take_packed_record(packed)));
    Item item = table::item_of(record);
    const bool needs_table = read_.index && read_.index->is_local && asks_beyond_index();
    Item shown =
        is_cut_ && !needs_table ? cut_to_index(item, *read_.table, *read_.index) : std::move(item);
    const bool is_full = is_full_with(table::size_bytes(shown));
    if ((!read_.filter || table::holds(*read_.filter, shown)) && begin_item()) {
      table::append_json(json_,
                         read_.projection ? table::project(shown, *read_.projection) : shown);
    }
    if (is_full) last_ = key_item(shown, *read_.table, read_.index);
    return !is_full;
  }

  // Of an item that was looked at.
  bool is_full_with(size_t bytes) {
    bytes_ += bytes;
    ++scanned_;
    return bytes_ >= table::kPageBytesMax || (read_.limit && scanned_ >= *read_.limit);
  }
  // Of an item that is handed out: is its JSON wanted?
  bool begin_item() {
    ++count_;
    if (read_.select == Select::count) return false;
    if (count_ > 1) json_ += ',';
    return true;
  }

  const ReadRequest& read_;
  std::string& json_;
  const bool is_cut_, is_whole_;
  size_t bytes_ = 0;
  uint64_t count_ = 0, scanned_ = 0;
  Item last_;
};

}  // namespace

Item cut_to_index(const Item& item, const Table& table, const Index& index) {
  if (index.projection.kind == IndexProjection::Kind::all) return item;
  Item cut;
  for (const auto& [name, value] : item) {
    if (shows(index, table, name)) cut.append(name, value);
  }
  return cut;
}

ReadRequest read_request(const Members& members, const ExpressionKinds& kinds) {
  ReadRequest read;
  if (const auto text = members.text("Select", {.one_of = kSelects}))
    read.select = select_of(*text);
  if (const auto name = members.text("IndexName", kIndexNameRule))
    read.index_name = std::string(*name);
  read.capacity = read_return_capacity(members);
  read.table_name = read_table_name(members);
  check_shapes(members, kinds);
  if (const auto limit = members.integer("Limit", {.min = 1})) read.limit = uint64_t(*limit);
  read.start = read_item(members, "ExclusiveStartKey", false);
  read.has_start = members.has("ExclusiveStartKey");
  read.is_consistent = members.flag("ConsistentRead").value_or(false);
  read.is_backwards = !members.flag("ScanIndexForward").value_or(true);
  return read;
}

Outcome<void> understand_read(const Members& members, ReadRequest& read,
                              table::Placeholders& placeholders, std::string_view legacy_filter) {
  SL_TRY(const auto text, expression_text(members, table::kFilterExpression));
  if (text) {
    SL_TRY(read.filter,
           lift(table::parse_condition(*text, placeholders, table::kFilterExpression)));
  } else if (const auto filter = members.object(legacy_filter, "Condition");
             filter && filter->size() > 0) {
    const bool is_any = members.text("ConditionalOperator").value_or("AND") == "OR";
    SL_TRY(read.filter, lift(table::condition_from_filter(*members.find(legacy_filter), is_any)));
    read.is_legacy_filter = true;
  }
  SL_TRY(read.projection, read_projection(members, placeholders));
  read.is_legacy_projection = !members.has("ProjectionExpression");
  if (read.start.mistake) {
    return validation("The provided starting key is invalid: " + read.start.mistake->message);
  }
  return {};
}

Outcome<void> bind_read(const Engine& engine, ReadRequest& read) {
  SL_TRY(read.table, find_table(engine, read.table_name));
  if (read.index_name) {
    read.index = read.table->find_index(*read.index_name);
    if (!read.index) {
      return validation("The table does not have the specified index: " + *read.index_name);
    }
    if (read.is_consistent && !read.index->is_local) {
      return validation("Consistent reads are not supported on global secondary indexes");
    }
    if (engine.is_filling(*read.table, *read.index)) {
      return validation("Cannot read from backfilling global secondary index: " + *read.index_name);
    }
  }
  SL_CHECK(check_select(read));
  SL_CHECK(check_index_projection(read));
  if (read.projection) SL_CHECK(check_paths(*read.projection, *read.table));
  return {};
}

Outcome<void> start_behind(const ReadRequest& read, Range& range, std::string_view outside) {
  if (!read.has_start) return {};
  const Item& start = read.start.item;
  const Item expected = key_item(start, *read.table, read.index);
  std::vector<std::string> names = key_names(read.table->key);
  if (read.index) {
    for (std::string& name : key_names(read.index->key)) {
      if (!contains(names, name)) names.push_back(std::move(name));
    }
  }
  if (start.size() != names.size() || expected.size() != names.size()) {
    return validation(read.index || read.is_query
                          ? "The provided starting key is invalid"
                          : "The provided starting key is invalid: The provided key element does "
                            "not match the schema");
  }
  std::string at;
  if (read.index) {
    const auto index_key = table::key_of(start, read.index->key);
    if (!index_key) return validation("The provided starting key is invalid");
    at = *index_key;
  }
  auto key = check_key(key_item(start, *read.table, nullptr), *read.table);
  if (!key) return validation("The provided starting key is invalid: " + key.error().message);
  at += *key;
  if (at < range.first || (!range.last.empty() && at >= range.last))
    return validation(std::string(outside));
  if (read.is_backwards) {
    range.last = at;
  } else {
    range.first = at + '\0';  // the next possible key
  }
  return {};
}

Outcome<Answer> read_page(const Engine& engine, const ReadRequest& read, const Range& range) {
  Answer answer;
  answer.json = "{";
  if (read.select != Select::count) answer.json += "\"Items\":[";
  Page page(read, answer.json);
  Outcome<bool> more = true;
  Status walked;
  if (read.index) {
    std::string packed;
    walked = engine.walk_index(*read.table, *read.index, range.first, range.last, read.is_backwards,
                               [&](std::string_view, std::string_view primary_key) {
                                 auto found = engine.load_packed(*read.table, primary_key, packed);
                                 if (!found) {
                                   more = from_error(found.error());
                                   return false;
                                 }
                                 if (!*found) return true;
                                 more = page.take(packed);
                                 return more && *more;
                               });
  } else {
    walked = engine.walk(*read.table, range.first, range.last, read.is_backwards,
                         [&](std::string_view, std::string_view packed) {
                           more = page.take(packed);
                           return more && *more;
                         });
  }
  SL_CHECK(lift(walked));
  if (!more) return std::unexpected(more.error());

  if (read.select != Select::count) answer.json += "],";
  fmt::format_to(std::back_inserter(answer.json), "\"Count\":{},\"ScannedCount\":{}", page.count(),
                 page.scanned());
  if (!page.last().empty()) {
    answer.json += ",\"LastEvaluatedKey\":";
    table::append_json(answer.json, page.last());
  }
  if (read.capacity != ReturnCapacity::none) {
    Consumed consumed;
    add_read(consumed, read.index, page.bytes(), read.is_consistent);
    answer.json += ',';
    JsonWriter json(answer.json);
    write_consumed_member(json, read.table_name, consumed, read.capacity);
  }
  answer.json += '}';
  return answer;
}

}  // namespace sealane::state::api
