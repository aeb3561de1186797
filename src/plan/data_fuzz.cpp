// SPDX-License-Identifier: Apache-2.0
// Broken range files are answered, and what is read ascends.
#include "base/result.h"
#include "plan/data.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane::plan;
  DataFiles files = embedded_files();
  files.country_ranges_bin = {reinterpret_cast<const char*>(data), size};
  const auto read = read_data(files);
  if (!read) return 0;
  for (size_t i = 1; i < read->v4.size(); ++i) SL_ASSERT(read->v4[i].first > read->v4[i - 1].last);
  for (size_t i = 1; i < read->v6.size(); ++i) SL_ASSERT(read->v6[i].first > read->v6[i - 1].last);
  return 0;
}
