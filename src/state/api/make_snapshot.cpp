// SPDX-License-Identifier: Apache-2.0
// MakeSnapshot, for operators: a copy of this node's store beside it, while writes go on. The
// answer says where it lies and what is in it for certain: every position that was applied when the
// call came.
#include <fmt/format.h>

#include "port/store.h"
#include "state/api/json_writer.h"
#include "state/api/members.h"
#include "state/api/operations.h"
#include "state/api/outcome.h"

namespace sealane::state::api {
namespace {

std::string answer_json(const std::string& where, Source self, const table::Vector& applied,
                        uint64_t now_ms) {
  std::string out;
  JsonWriter json(out);
  json.open('{');
  json.key("Directory").text(where);
  json.key("SourceId").text(fmt::format("{:08x}", self));
  json.key("CreationDateTime").date(now_ms);
  json.key("Applied").open('[');
  for (const table::Reach& reach : applied) {
    json.open('{');
    json.key("SourceId").text(fmt::format("{:08x}", reach.source));
    json.key("Position").integer(reach.position);
    json.close('}');
  }
  json.close(']');
  json.close('}');
  return out;
}

}  // namespace

Outcome<Answer> make_snapshot(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const auto name = members.text("Name", {.is_required = true, .length_min = 1, .length_max = 64});
  SL_CHECK(mistakes.check());
  if (!port::Store::is_copy_name(*name)) {
    return validation("Name: lower-case letters, digits and hyphens, 64 at most");
  }
  Answer answer;
  answer.later = [&engine = call.engine, name = std::string(*name), applied = call.engine.applied(),
                  now_ms = call.now_ms](std::function<void(Outcome<Answer>)> done) {
    engine.copy(name, [&engine, applied, now_ms,
                       done = std::move(done)](Result<std::string> where) {
      if (where) return done(Answer{.json = answer_json(*where, engine.self(), applied, now_ms)});
      const std::string_view type = where.error().code == Code::conflict ? "ResourceInUseException"
                                    : where.error().code == Code::limit  ? "LimitExceededException"
                                                                         : "";
      done(type.empty() ? from_error(where.error()) : failure(type, where.error().what));
    });
  };
  return answer;
}

}  // namespace sealane::state::api
