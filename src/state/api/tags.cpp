// SPDX-License-Identifier: Apache-2.0
// TagResource, UntagResource, ListTagsOfResource. Some tags are options of the table: see
// table_parameters.h.
#include <fmt/format.h>

#include "state/api/arn.h"
#include "state/api/json_writer.h"
#include "state/api/members.h"
#include "state/api/operations.h"
#include "state/api/outcome.h"
#include "state/api/table_parameters.h"

namespace sealane::state::api {
namespace {

Outcome<const Table*> find_resource(const Call& call, std::optional<std::string_view> text) {
  if (!text || text->empty()) return validation("Invalid TableArn");
  const auto arn = parse_table_arn(*text);
  if (!arn || !arn->stream.empty()) {
    return validation(
        fmt::format("Invalid TableArn: Invalid ResourceArn provided as input {}", *text));
  }
  const Table* table = arn->region == call.region ? call.engine.find_table(arn->table) : nullptr;
  if (!table) {
    return failure("ResourceNotFoundException",
                   fmt::format("Requested resource not found: ResourcArn: {} not found", *text));
  }
  return table;
}

}  // namespace

Outcome<Answer> tag_resource(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const auto arn = members.text("ResourceArn");
  const Tags tags = read_tags(members, true);
  SL_CHECK(mistakes.check());
  SL_TRY(const Table* present, find_resource(call, arn));
  if (tags.empty()) return validation("Atleast one Tag needs to be provided as Input.");
  Table table = *present;
  SL_CHECK(set_tags(table, tags));
  Answer answer;
  SL_TRY(answer.written, lift(call.engine.write_table(table)));
  return answer;
}

Outcome<Answer> untag_resource(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const auto arn = members.text("ResourceArn");
  const auto keys =
      members.texts("TagKeys", {.is_required = true}, {.length_min = 1, .length_max = 128});
  SL_CHECK(mistakes.check());
  SL_TRY(const Table* present, find_resource(call, arn));
  if (keys.empty()) return validation("Atleast one Tag Key needs to be provided as Input.");
  Table table = *present;
  remove_tags(table, keys);
  Answer answer;
  SL_TRY(answer.written, lift(call.engine.write_table(table)));
  return answer;
}

Outcome<Answer> list_tags_of_resource(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const auto arn = members.text("ResourceArn");
  SL_CHECK(mistakes.check());
  SL_TRY(const Table* table, find_resource(call, arn));
  Answer answer;
  JsonWriter json(answer.json);
  json.open('{');
  json.key("Tags").open('[');
  for (const auto& [key, value] : table->tags) {
    json.open('{');
    json.key("Key").text(key);
    json.key("Value").text(value);
    json.close('}');
  }
  json.close(']');
  json.close('}');
  return answer;
}

}  // namespace sealane::state::api
