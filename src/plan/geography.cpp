// SPDX-License-Identifier: Apache-2.0
#include "plan/geography.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sealane::plan {
namespace {

constexpr double kEarthRadiusKm = 6371;

// Microseconds; 0: not measured.
uint32_t tabled_rtt_us(const Data& data, std::string_view from, std::string_view to) {
  const auto a = data.find_aws_region(from), b = data.find_aws_region(to);
  return a && b ? data.rtt_us[*a][*b] : 0;
}

}  // namespace

double distance_km(GeoPoint a, GeoPoint b) {
  constexpr double kRadians = std::numbers::pi / 180;
  const double lat = (b.lat - a.lat) * kRadians, lon = (b.lon - a.lon) * kRadians;
  const double h = std::pow(std::sin(lat / 2), 2) + std::cos(a.lat * kRadians) *
                                                        std::cos(b.lat * kRadians) *
                                                        std::pow(std::sin(lon / 2), 2);
  return 2 * kEarthRadiusKm * std::asin(std::min(1.0, std::sqrt(h)));
}

uint32_t model_rtt_us(double km) {
  return uint32_t(std::lround(2 * km / kFibreKmPerMs * kDetour * 1000));
}

Estimate region_estimate(const Data& data, const Region& from, const Region& to) {
  if (const uint32_t rtt_us = tabled_rtt_us(data, from.name, to.name)) {
    return {rtt_us, LatencySource::region_table};
  }
  return {std::max(kSameRegionRttUs, model_rtt_us(distance_km(from.at, to.at))),
          LatencySource::country_model};
}

Estimate country_estimate(const Data& data, const Country& from, const Region& to) {
  uint32_t best = 0;
  for (const AwsRegion& hub : data.aws_regions) {
    const double km = distance_km(from.at, hub.at);
    if (hub.country != from.code && km > kNearKm) continue;
    const uint32_t beyond = tabled_rtt_us(data, hub.name, to.name);
    if (beyond == 0) continue;
    const uint32_t total = kAccessRttUs + model_rtt_us(km) + beyond;
    if (best == 0 || total < best) best = total;
  }
  if (best == 0) best = kAccessRttUs + model_rtt_us(distance_km(from.at, to.at));
  return {best, LatencySource::country_model};
}

Geography make_geography(const Data& data, const std::vector<Region>& regions) {
  Geography geography;
  geography.places.push_back({"unknown", std::vector<Estimate>(regions.size())});
  for (const Region& from : regions) {
    Place place{from.name, {}};
    for (const Region& to : regions) place.to_region.push_back(region_estimate(data, from, to));
    geography.places.push_back(std::move(place));
  }
  for (const Country& from : data.countries) {
    Place place{fmt::format("country {}", from.code), {}};
    for (const Region& to : regions) place.to_region.push_back(country_estimate(data, from, to));
    geography.places.push_back(std::move(place));
  }

  PrefixTable::Builder table;
  const auto first_country = uint32_t(1 + regions.size());
  for (const CountryRange4& r : data.v4) {
    table.add_range(IpAddress::v4(r.first), IpAddress::v4(r.last), first_country + r.country);
  }
  auto v6 = [](uint64_t high) {
    std::array<uint8_t, 16> bytes{};
    for (unsigned i = 0; i < 8; ++i) bytes[i] = uint8_t(high >> (56 - 8 * i));
    return IpAddress::v6(bytes);
  };
  for (const CountryRange6& r : data.v6)
    table.add_range(v6(r.first), v6(r.last), first_country + r.country);
  for (size_t i = 0; i < regions.size(); ++i) {
    for (const Prefix& prefix : regions[i].clients) table.add(prefix, uint32_t(1 + i));
  }
  geography.table = table.build(0);
  return geography;
}

}  // namespace sealane::plan
