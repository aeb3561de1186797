// SPDX-License-Identifier: Apache-2.0
#include "play/drill/observations.h"

namespace sealane::play::drill {

const char* name(Kind kind) {
  switch (kind) {
    case Kind::retrying:
      return "retrying";
    case Kind::ttl_only:
      return "ttl-only";
    case Kind::prompt:
      return "prompt";
  }
  return "?";
}

const char* name(Failure failure) {
  switch (failure) {
    case Failure::none:
      return "none";
    case Failure::unresolved:
      return "unresolved";
    case Failure::refused:
      return "refused";
    case Failure::broken:
      return "broken";
    case Failure::timeout:
      return "timeout";
    case Failure::bad_status:
      return "bad status";
    case Failure::bad_answer:
      return "bad answer";
    case Failure::crowded:
      return "crowded";
  }
  return "?";
}

const char* name(StreamEnd end) {
  switch (end) {
    case StreamEnd::open:
      return "open";
    case StreamEnd::complete:
      return "complete";
    case StreamEnd::error_event:
      return "error event";
    case StreamEnd::torn:
      return "torn";
    case StreamEnd::silent:
      return "silent";
    case StreamEnd::refused:
      return "refused";
  }
  return "?";
}

}  // namespace sealane::play::drill
