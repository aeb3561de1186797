// SPDX-License-Identifier: Apache-2.0
// Memory that is free inside the process and could be free for others.
#pragma once

namespace sealane::host {

// While one lives, what is freed goes back to the kernel at once, and not only when the allocator
// happens to come by again, which in a node that waits for its first request is never. Around
// something large and rare: compiling a world takes three times the memory of the plan that comes
// out of it. Not nested.
class PromptRelease {
 public:
  PromptRelease();
  ~PromptRelease();  // also collects what the calling thread has freed before
  PromptRelease(const PromptRelease&) = delete;
  PromptRelease& operator=(const PromptRelease&) = delete;

 private:
  long delay_before_ = 0;
};

}  // namespace sealane::host
