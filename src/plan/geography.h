// SPDX-License-Identifier: Apache-2.0
// Where clients are and how far the regions are from them, before anything is measured.
//
// A client is in a region (the region's `clients` say so), in a country (its address block), or
// unknown.
//   region  -> region  the measured table of AWS regions; else the model without access
//   country -> region  through the best AWS region H that is in the country or near its people: the
//   model to H
//                      and the measured table from H on; else the model
//   unknown -> region  no estimate: all are equal, and the order of the plan decides
// The model: 2 * km / (200 km/ms) * 1.7, and 10 ms of access. Light in fibre travels 200 km in a
// millisecond; 1.7 is the median detour over the pairs of data/aws_rtt.csv that are more than 500
// km apart (tenth percentile 1.36, ninetieth 2.5).
#pragma once

#include "plan/data.h"
#include "plan/plan.h"

namespace sealane::plan {

constexpr double kDetour = 1.7;
constexpr double kFibreKmPerMs = 200;
constexpr uint32_t kAccessRttUs = 10'000;   // the last mile of a user, there and back
constexpr uint32_t kSameRegionRttUs = 500;  // inside a region that nobody measured
constexpr double kNearKm = 600;  // an AWS region this close to a country's people serves as H

// Great-circle distance, kilometres.
double distance_km(GeoPoint a, GeoPoint b);
uint32_t model_rtt_us(double km);  // without access

// Between two regions; by the measured table when both are in it.
Estimate region_estimate(const Data& data, const Region& from, const Region& to);
Estimate country_estimate(const Data& data, const Country& from, const Region& to);

// Places: unknown, one for each region of the plan, one for each country of the data.
Geography make_geography(const Data& data, const std::vector<Region>& regions);

}  // namespace sealane::plan
