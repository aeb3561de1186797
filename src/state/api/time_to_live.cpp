// SPDX-License-Identifier: Apache-2.0
// UpdateTimeToLive, DescribeTimeToLive. A change holds at once, and can be taken back at once.
#include <fmt/format.h>

#include "state/api/json_writer.h"
#include "state/api/members.h"
#include "state/api/operations.h"
#include "state/api/outcome.h"
#include "state/api/parameters.h"

namespace sealane::state::api {

Outcome<Answer> update_time_to_live(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const std::string name = read_table_name(members);
  std::optional<bool> is_enabled;
  std::string attribute;
  if (const auto given = members.structure("TimeToLiveSpecification", true)) {
    is_enabled = given->flag("Enabled");
    if (!given->has("Enabled")) {
      mistakes.constraint("null", given->path("Enabled"), "Member must not be null");
    }
    attribute =
        given->text("AttributeName", {.is_required = true, .length_min = 1, .length_max = 255})
            .value_or("");
  }
  SL_CHECK(mistakes.check());
  const Table* present = call.engine.find_table(name);
  if (!present) return table_not_found(name);
  const bool was_enabled = !present->ttl_attribute.empty();
  if (*is_enabled && was_enabled) {
    return validation(
        present->ttl_attribute == attribute
            ? std::string("TimeToLive is already enabled")
            : fmt::format(
                  "TimeToLive is active on a different AttributeName: current AttributeName is {}",
                  present->ttl_attribute));
  }
  if (!*is_enabled && !was_enabled) return validation("TimeToLive is already disabled");
  if (!*is_enabled && present->ttl_attribute != attribute) {
    return validation(fmt::format(
        "TimeToLive is active on a different AttributeName: current AttributeName is {}",
        present->ttl_attribute));
  }
  Table table = *present;
  table.ttl_attribute = *is_enabled ? attribute : std::string();
  Answer answer;
  SL_TRY(answer.written, lift(call.engine.write_table(table)));
  JsonWriter json(answer.json);
  json.open('{');
  json.key("TimeToLiveSpecification").open('{');
  json.key("AttributeName").text(attribute);
  json.key("Enabled").boolean(*is_enabled);
  json.close('}');
  json.close('}');
  return answer;
}

Outcome<Answer> describe_time_to_live(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const std::string name = read_table_name(members);
  SL_CHECK(mistakes.check());
  const Table* table = call.engine.find_table(name);
  if (!table) return table_not_found(name);
  Answer answer;
  JsonWriter json(answer.json);
  json.open('{');
  json.key("TimeToLiveDescription").open('{');
  json.key("TimeToLiveStatus").text(table->ttl_attribute.empty() ? "DISABLED" : "ENABLED");
  if (!table->ttl_attribute.empty()) json.key("AttributeName").text(table->ttl_attribute);
  json.close('}');
  json.close('}');
  return answer;
}

}  // namespace sealane::state::api
