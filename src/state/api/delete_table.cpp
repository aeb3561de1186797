// SPDX-License-Identifier: Apache-2.0
// DeleteTable: of a table with replicas only this region's, as AWS does; the last one deletes the
// table.
#include <fmt/format.h>

#include <algorithm>

#include "state/api/arn.h"
#include "state/api/json_writer.h"
#include "state/api/operations.h"
#include "state/api/outcome.h"
#include "state/api/table_description.h"
#include "state/api/table_parameters.h"

namespace sealane::state::api {

Outcome<Answer> delete_table(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  SL_TRY(const std::string name, read_name_of_table(members));
  SL_CHECK(mistakes.check());
  const Table* present = call.engine.find_table(name);
  if (!present) return table_not_found(name);
  if (present->has_deletion_protection) {
    return validation(fmt::format(
        "Resource cannot be deleted as it is currently protected against deletion. Disable "
        "deletion protection first. Table: {}",
        table_arn(call.region, name)));
  }
  Answer answer;
  JsonWriter json(answer.json);
  json.open('{');
  json.key("TableDescription");
  Table table = *present;
  write_table_description(json, call.engine, call.region, table, {.table = "DELETING"});
  json.close('}');

  std::erase(table.replicas, call.region);
  table.is_deleted = table.replicas.empty();
  SL_TRY(answer.written, lift(call.engine.write_table(table)));
  return answer;
}

}  // namespace sealane::state::api
