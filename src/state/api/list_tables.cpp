// SPDX-License-Identifier: Apache-2.0
#include "state/api/json_writer.h"
#include "state/api/members.h"
#include "state/api/operations.h"
#include "state/api/outcome.h"

namespace sealane::state::api {

Outcome<Answer> list_tables(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const auto start = members.text("ExclusiveStartTableName",
                                  {.length_min = 3, .length_max = 255, .is_name = true});
  const size_t limit = size_t(members.integer("Limit", {.min = 1, .max = 100}).value_or(100));
  SL_CHECK(mistakes.check());

  Answer answer;
  JsonWriter json(answer.json);
  json.open('{');
  json.key("TableNames").open('[');
  const auto& tables = call.engine.tables();
  size_t count = 0;
  std::string_view last;
  bool has_more = false;
  for (auto at = start ? tables.upper_bound(*start) : tables.begin(); at != tables.end(); ++at) {
    const Table& table = at->second;
    if (table.is_deleted || !table.is_in(call.region)) continue;
    if (count == limit) {
      has_more = true;
      break;
    }
    json.text(table.name);
    last = table.name;
    ++count;
  }
  json.close(']');
  if (has_more) json.key("LastEvaluatedTableName").text(last);
  json.close('}');
  return answer;
}

}  // namespace sealane::state::api
