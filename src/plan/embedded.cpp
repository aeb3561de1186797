// SPDX-License-Identifier: Apache-2.0
// The files of data/ as bytes of the program. The assembler includes them: #embed is not C++23, and
// an array of two million numbers takes a compiler seconds.
#include "plan/data.h"

#define SL_EMBED(symbol, file)                                                  \
  __asm__(                                                                      \
      ".pushsection .rodata\n"                                                  \
      ".balign 8\n" #symbol                                                     \
      "_begin:\n"                                                               \
      ".incbin \"" SL_DATA_DIR "/" file "\"\n" #symbol                          \
      "_end:\n"                                                                 \
      ".byte 0\n"                                                               \
      ".popsection\n");                                                         \
  extern "C" const char symbol##_begin[] __attribute__((visibility("hidden"))); \
  extern "C" const char symbol##_end[] __attribute__((visibility("hidden")))

SL_EMBED(sealane_data_aws_regions, "aws_regions.csv");
SL_EMBED(sealane_data_aws_rtt, "aws_rtt.csv");
SL_EMBED(sealane_data_countries, "countries.csv");
SL_EMBED(sealane_data_country_ranges, "country_ranges.bin");

namespace sealane::plan {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, size_t(end - begin)};
}

}  // namespace

DataFiles embedded_files() {
  return {
      .aws_regions_csv = between(sealane_data_aws_regions_begin, sealane_data_aws_regions_end),
      .aws_rtt_csv = between(sealane_data_aws_rtt_begin, sealane_data_aws_rtt_end),
      .countries_csv = between(sealane_data_countries_begin, sealane_data_countries_end),
      .country_ranges_bin =
          between(sealane_data_country_ranges_begin, sealane_data_country_ranges_end),
  };
}

}  // namespace sealane::plan
