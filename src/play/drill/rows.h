// SPDX-License-Identifier: Apache-2.0
// The tables of a report, made from observations; the judgement over them is in verdicts.h.
#pragma once

#include "play/drill/report.h"

namespace sealane::play::drill {

std::vector<DetectRow> detect_rows(const plan::Plan& plan, const Scenario& scenario,
                                   const Observations& seen);
std::vector<AnswerRow> answer_rows(const plan::Plan& plan, const Scenario& scenario,
                                   const Observations& seen);
std::vector<UserRow> user_rows(const plan::Plan& plan, const Scenario& scenario,
                               const Observations& seen);
std::vector<StreamRow> stream_rows(const plan::Plan& plan, const Scenario& scenario,
                                   const Observations& seen);
std::vector<TurnRow> turn_rows(const plan::Plan& plan, const Scenario& scenario,
                               const Observations& seen);

// The nodes outside the target.
std::vector<plan::EndpointId> survivors(const plan::Plan& plan, const Scenario& scenario);
bool holds(const std::vector<plan::RegionId>& regions, plan::RegionId region);

std::vector<Verdict> verdicts(const plan::Plan& plan, const Scenario& scenario,
                              const Observations& seen, const DrillReport& rows);

}  // namespace sealane::play::drill
