// SPDX-License-Identifier: Apache-2.0
// Exit codes of all commands: 0 done, 1 it ran and the answer is no, 2 the input is wrong, 3
// something that is needed is unreachable.
#pragma once

#include "base/result.h"

namespace sealane::main {

// Prints the error, if there is one, to standard error.
int report_failure(const Status& status);

}  // namespace sealane::main
