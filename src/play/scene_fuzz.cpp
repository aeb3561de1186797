// SPDX-License-Identifier: Apache-2.0
// Any bytes are a scene or a list of mistakes, and each mistake names the file, a line and a
// column.
#include "play/scene.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane;
  const auto scene = play::parse({reinterpret_cast<const char*>(data), size}, "f");
  if (scene) {
    SL_ASSERT(!scene->expectations.empty());
    SL_ASSERT(!scene->world_yaml.empty() || !scene->world_file.empty());
    for (const play::Fault& fault : scene->faults) SL_ASSERT(fault.when < scene->lasts);
  } else {
    SL_ASSERT(scene.error().what.starts_with("f:"));
  }
  return 0;
}
