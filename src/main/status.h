// SPDX-License-Identifier: Apache-2.0
// What the admin pages say: a node's view as JSON, and a choice in words.
#pragma once

#include <string>

#include "main/admin.h"
#include "main/table_service.h"
#include "plan/plan.h"
#include "view/view.h"

namespace sealane::main {

struct NodeState {
  IpAddress node;
  std::string region;
  bool ready = false;
  bool draining = false;
  TableService::Report tables{};
};

std::string status_json(const NodeState& state, const plan::Plan& plan, const view::View& view,
                        Instant now);

// The group that answers for a name or URL ("agent.example.test", "https://agent.example.test/x").
Result<plan::GroupId> group_of(const plan::Plan& plan, std::string_view name_or_url);

// ?name=NAME-or-URL&from=ADDRESS[&dice=N]
Page explain_page(const plan::Plan& plan, const view::View& view, const Admin::Query& query);

}  // namespace sealane::main
