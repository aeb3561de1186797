// SPDX-License-Identifier: Apache-2.0
// Regions: where they are, how far apart, and which one is answering.
#include <array>
#include <numbers>

#include "model.h"
#include "words.h"

namespace sealane::agent {
namespace {

struct Place {
  std::string_view region, city;
  double lat, lon;  // degrees, roughly
};

constexpr std::array kPlaces = {
    Place{"us-east-1", "Northern Virginia", 38.9, -77.4},
    Place{"us-east-2", "Ohio", 40.0, -83.0},
    Place{"us-west-1", "Northern California", 37.4, -121.9},
    Place{"us-west-2", "Oregon", 45.8, -119.7},
    Place{"ca-central-1", "Montreal", 45.5, -73.6},
    Place{"sa-east-1", "Sao Paulo", -23.5, -46.6},
    Place{"eu-west-1", "Dublin", 53.3, -6.3},
    Place{"eu-west-2", "London", 51.5, -0.1},
    Place{"eu-west-3", "Paris", 48.9, 2.4},
    Place{"eu-central-1", "Frankfurt", 50.1, 8.7},
    Place{"eu-north-1", "Stockholm", 59.3, 18.1},
    Place{"af-south-1", "Cape Town", -33.9, 18.4},
    Place{"me-south-1", "Bahrain", 26.1, 50.6},
    Place{"ap-south-1", "Mumbai", 19.1, 72.9},
    Place{"ap-southeast-1", "Singapore", 1.35, 103.8},
    Place{"ap-southeast-2", "Sydney", -33.9, 151.2},
    Place{"ap-northeast-1", "Tokyo", 35.7, 139.7},
    Place{"ap-northeast-2", "Seoul", 37.6, 127.0},
};

// Great-circle distance by the haversine formula.
double km_between(const Place& a, const Place& b) {
  constexpr double kEarthKm = 6371, kRad = std::numbers::pi / 180;
  const double dlat = (b.lat - a.lat) * kRad, dlon = (b.lon - a.lon) * kRad;
  const double h = std::pow(std::sin(dlat / 2), 2) + std::cos(a.lat * kRad) *
                                                         std::cos(b.lat * kRad) *
                                                         std::pow(std::sin(dlon / 2), 2);
  return 2 * kEarthKm * std::asin(std::sqrt(h));
}

}  // namespace

std::optional<std::string> locate(const Ask& ask) {
  const std::string said = lower(ask.prompt);
  std::vector<const Place*> named;
  for (const std::string& word : words(ask.prompt)) {
    for (const Place& place : kPlaces) {
      if (word == place.region || lower(place.city) == word) named.push_back(&place);
    }
  }
  if (named.size() == 1 && has(said, {"from here", "from you", "this region"})) {
    for (const Place& place : kPlaces) {
      if (place.region == ask.region && &place != named[0]) named.push_back(&place);
    }
  }
  if (named.size() >= 2 &&
      has(said, {"far", "distance", "latency", "round trip", "round-trip", "between", "km"})) {
    const double km = km_between(*named[0], *named[1]);
    // Light in fibre makes 200 km a millisecond; real paths are about half as long again.
    return fmt::format(
        "{} ({}) and {} ({}) are about {:.0f} km apart: at the least {:.0f} ms there and back, "
        "in practice around {:.0f} ms.",
        named[0]->region, named[0]->city, named[1]->region, named[1]->city, km, 2 * km / 200,
        2 * km / 200 * 1.5 + 5);
  }
  if (named.size() == 1 && has(said, {"where", "what is", "city", "which city"})) {
    return fmt::format("{} is in {} (about {:.1f}, {:.1f}).", named[0]->region, named[0]->city,
                       named[0]->lat, named[0]->lon);
  }
  if (has(said, {"which region", "what region", "where are you", "who is answering",
                 "where do you run"})) {
    return ask.region.empty() ? "Nobody told me which region I run in."
                              : fmt::format("I am answering from {}.", ask.region);
  }
  return std::nullopt;
}

}  // namespace sealane::agent
