// SPDX-License-Identifier: Apache-2.0
// The parameters from before expressions (Expected, AttributeUpdates, KeyConditions, QueryFilter,
// ScanFilter, AttributesToGet, ConditionalOperator), turned into the same trees. AWS's "Legacy
// conditional parameters" pages. Errors are as in attribute_json.h: a ValidationException's
// message, or one that begins with kSerialization.
#pragma once

#include <simdjson.h>

#include <string_view>

#include "base/result.h"
#include "table/expression/expression.h"

namespace sealane::table {

// `json` is the parameter's own value. `is_any`: ConditionalOperator OR.
Result<Condition> condition_from_expected(simdjson::dom::element json, bool is_any);
// QueryFilter, ScanFilter, KeyConditions; `parameter` is its name in error messages.
Result<Condition> condition_from_filter(simdjson::dom::element json, bool is_any,
                                        std::string_view parameter = "QueryFilter");
Result<Update> update_from_attribute_updates(simdjson::dom::element json);
Result<Projection> projection_from_attributes_to_get(simdjson::dom::element json);

}  // namespace sealane::table
