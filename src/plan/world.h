// SPDX-License-Identifier: Apache-2.0
// A world file -> a Plan. Pure: the text comes in, zone files come through a function, nothing is
// opened here.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "plan/data.h"
#include "plan/plan.h"

namespace sealane::plan {

// The text of a file that the world names (a zone file), by its name as the world file has it.
using ReadFile = std::function<Result<std::string>(std::string_view name)>;

// The plan that `yaml` states, or every mistake in it (Code::invalid): one a line,
// "file:line:column: what was found; what is allowed; did you mean 'x'?", in the order of the file.
// The plan's version is a hash of the text, so the same files make the same version everywhere.
Result<Plan> compile(std::string_view yaml, std::string_view file_name, const ReadFile& read_file,
                     const Data& data);

// The JSON Schema (2020-12) of world files, for editors: the text of docs/sealane.schema.json.
std::string schema();

}  // namespace sealane::plan
