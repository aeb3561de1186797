// SPDX-License-Identifier: Apache-2.0
// What Sealane knows of the world before anybody measures: where the AWS regions are and how far
// apart, which addresses belong to which country, and where the people of a country live. Built
// once at start from the files of data/ that are part of the program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plan/plan.h"

namespace sealane::plan {

struct AwsRegion {
  std::string name;     // "eu-west-1"
  std::string country;  // ISO 3166-1 alpha-2
  GeoPoint at;
};

struct Country {
  std::string code;  // ISO 3166-1 alpha-2
  std::string name;
  uint64_t population = 0;  // in the cities that the centroid is made of
  GeoPoint at;              // their centre, weighted by population
};

// First and last address of a block, both included. `country` is a position in Data::countries.
struct CountryRange4 {
  uint32_t first = 0, last = 0;
  uint16_t country = 0;
};
struct CountryRange6 {
  uint64_t first = 0, last = 0;  // the upper 64 bits
  uint16_t country = 0;
};

struct Data {
  std::vector<AwsRegion> aws_regions;
  std::vector<Country> countries;
  std::vector<CountryRange4> v4;  // ascending, apart
  std::vector<CountryRange6> v6;
  // Measured round-trip times, by position in aws_regions, microseconds; 0: not measured.
  std::vector<std::vector<uint32_t>> rtt_us;

  std::optional<size_t> find_aws_region(std::string_view name) const;
};

// The text of the four files of data/.
struct DataFiles {
  std::string_view aws_regions_csv, aws_rtt_csv, countries_csv, country_ranges_bin;
};
DataFiles embedded_files();

Result<Data> read_data(const DataFiles& files);
// The files that were compiled in. `with_addresses` false leaves out the address blocks (every
// client is then unknown unless a region claims it), which saves a test the half million ranges.
Data built_in_data(bool with_addresses = true);

}  // namespace sealane::plan
