// SPDX-License-Identifier: Apache-2.0
// What tools ask about the service itself: endpoints, limits, backups.
#include <fmt/format.h>

#include "state/api/json_writer.h"
#include "state/api/members.h"
#include "state/api/operations.h"
#include "state/api/outcome.h"
#include "state/api/parameters.h"

namespace sealane::state::api {

// The client goes on where it is.
Outcome<Answer> describe_endpoints(Call& call) {
  Answer answer;
  JsonWriter json(answer.json);
  json.open('{');
  json.key("Endpoints").open('[');
  json.open('{');
  json.key("Address").text(call.host);
  json.key("CachePeriodInMinutes").integer(1440);
  json.close('}');
  json.close(']');
  json.close('}');
  return answer;
}

// There are none here but the machine's; the figures are AWS's defaults.
Outcome<Answer> describe_limits(Call&) {
  Answer answer;
  answer.json = R"({"AccountMaxReadCapacityUnits":80000,"AccountMaxWriteCapacityUnits":80000,)"
                R"("TableMaxReadCapacityUnits":40000,"TableMaxWriteCapacityUnits":40000})";
  return answer;
}

// ENABLED is what AWS says of every table; what counts is that there is no point to recover to.
Outcome<Answer> describe_continuous_backups(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const std::string name = read_table_name(members);
  SL_CHECK(mistakes.check());
  if (!call.engine.find_table(name)) {
    return failure("TableNotFoundException", fmt::format("Table not found: {}", name));
  }
  Answer answer;
  answer.json = R"({"ContinuousBackupsDescription":{"ContinuousBackupsStatus":"ENABLED",)"
                R"("PointInTimeRecoveryDescription":{"PointInTimeRecoveryStatus":"DISABLED"}}})";
  return answer;
}

Outcome<Answer> update_continuous_backups(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const std::string name = read_table_name(members);
  std::optional<bool> is_enabled;
  if (const auto given = members.structure("PointInTimeRecoverySpecification", true)) {
    is_enabled = given->flag("PointInTimeRecoveryEnabled");
  }
  SL_CHECK(mistakes.check());
  if (!call.engine.find_table(name)) {
    return failure("TableNotFoundException", fmt::format("Table not found: {}", name));
  }
  if (!is_enabled.value_or(false)) return describe_continuous_backups(call);
  return failure("ContinuousBackupsUnavailableException",
                 "Sealane makes no continuous backups: keep a replica in another region, or copy "
                 "the data directory");
}

}  // namespace sealane::state::api
