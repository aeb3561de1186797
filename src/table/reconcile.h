// SPDX-License-Identifier: Apache-2.0
// One record of two whole ones, each with what its holder has seen. join() alone is not enough
// between a node and one that comes back from the past: what the first has removed, and forgotten
// since that it did, the second still has.
//
//   here       there                       then
//   a write    the same write, or a later  as join()
//   a write    not, nor had it been seen   it is kept: it is news to them
//   a write    not, though it was seen     it is dropped: it was removed there, and the trace of
//   that purged
//
// and the same the other way round (optimized OR-sets do it so: Bieniusa et al. 2012). Sound
// because a trace is purged only when every node has passed it, so what is purged is older than all
// that some node had not seen.
#pragma once

#include <functional>

#include "table/record.h"

namespace sealane::table {

// Had this side seen that write?
using Seen = std::function<bool(const Stamp&)>;

// Folds `there` into `here`.
void reconcile(Record& here, Record there, const Seen& seen_here, const Seen& seen_there);

}  // namespace sealane::table
