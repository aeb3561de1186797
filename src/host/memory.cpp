// SPDX-License-Identifier: Apache-2.0
#include "host/memory.h"

#include <malloc.h>

// From mimalloc.h, as weak symbols: the library is linked into the program, not into the tests, and
// the sanitizers bring allocators of their own.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpedantic"
#include <mimalloc.h>
#pragma clang diagnostic pop
extern "C" {
extern __typeof__(mi_collect) mi_collect __attribute__((weak));
extern __typeof__(mi_option_get) mi_option_get __attribute__((weak));
extern __typeof__(mi_option_set) mi_option_set __attribute__((weak));
}

namespace sealane::host {

PromptRelease::PromptRelease() {
  if (mi_option_get == nullptr) return;
  delay_before_ = mi_option_get(mi_option_decommit_delay);  // milliseconds
  mi_option_set(mi_option_decommit_delay, 0);
}

PromptRelease::~PromptRelease() {
  if (mi_option_set == nullptr) {
    ::malloc_trim(0);
    return;
  }
  mi_collect(true);
  mi_option_set(mi_option_decommit_delay, delay_before_);
}

}  // namespace sealane::host
