// SPDX-License-Identifier: Apache-2.0
#include "state/api/json_writer.h"
#include "state/api/operations.h"
#include "state/api/outcome.h"
#include "state/api/table_description.h"
#include "state/api/table_parameters.h"

namespace sealane::state::api {

Outcome<Answer> describe_table(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  SL_TRY(const std::string name, read_name_of_table(members));
  SL_CHECK(mistakes.check());
  const Table* table = call.engine.find_table(name);
  if (!table) return table_not_found(name);
  Answer answer;
  JsonWriter json(answer.json);
  json.open('{');
  json.key("Table");
  const std::vector<Lag> lags = call.lags ? call.lags() : std::vector<Lag>();
  write_table_description(json, call.engine, call.region, *table, {}, call.lags ? &lags : nullptr);
  json.close('}');
  return answer;
}

}  // namespace sealane::state::api
