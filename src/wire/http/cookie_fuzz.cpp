// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>

#include "wire/http/cookie.h"

// What is found lies within what was given, and a cookie put in front is found.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane::wire::http;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Field field{"Cookie", bytes};
  if (const auto value = find_cookie({&field, 1}, "s"); value && !value->empty()) {
    if (value->data() < bytes.data() || value->data() + value->size() > bytes.data() + bytes.size())
      abort();
    if (value->find(';') != value->npos) abort();
  }
  const Field both[] = {{"Cookie", "s=1"}, field};
  if (find_cookie(both, "s") != "1") abort();
  return 0;
}
