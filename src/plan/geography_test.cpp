// SPDX-License-Identifier: Apache-2.0
#include "plan/geography.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "plan/world.h"

namespace sealane::plan {
namespace {

const ReadFile kNoFiles = [](std::string_view) { return fail(Code::not_found, "no such file"); };

class WhereClientsAre : public testing::Test {
 protected:
  static void SetUpTestSuite() { data_ = new Data(built_in_data()); }
  static void TearDownTestSuite() { delete data_, data_ = nullptr; }

  static Plan world(std::string_view more_of_us = "") {
    auto plan = compile(fmt::format("domain: a.test\nedge: {{ enabled: false }}\nregions:\n"
                                    "  us-east-1: {{ {} }}\n  eu-west-1:\n  ap-southeast-1:\n"
                                    "  moon-base: {{ at: [-18.1, 178.4] }}\n",
                                    more_of_us),
                        "w", kNoFiles, *data_);
    EXPECT_TRUE(plan) << plan.error().what;
    return std::move(*plan);
  }
  static const Place& place(const Plan& plan, std::string_view ip) {
    return plan.geography.places[plan.geography.table.find(*IpAddress::parse(ip)).value];
  }
  static Data* data_;
};
Data* WhereClientsAre::data_ = nullptr;

TEST_F(WhereClientsAre, addresses_are_in_their_countries) {
  const Plan plan = world();
  EXPECT_EQ(place(plan, "165.21.84.1").name, "country SG");
  EXPECT_EQ(place(plan, "8.8.8.8").name, "country US");
  EXPECT_EQ(place(plan, "134.226.1.1").name, "country IE");  // Trinity College Dublin
  EXPECT_EQ(place(plan, "193.0.6.139").name, "country NL");  // RIPE NCC
  EXPECT_EQ(place(plan, "2001:67c:2e8::1").name, "country NL");
  EXPECT_EQ(place(plan, "2620:fe::fe").name, "country US");  // Quad9
}

TEST_F(WhereClientsAre, private_and_special_addresses_are_unknown) {
  const Plan plan = world();
  for (const char* ip : {"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
                         "127.9.0.1", "169.254.1.1", "192.0.2.1", "224.0.0.1", "0.0.0.0",
                         "255.255.255.255", "::1", "fe80::1", "fd00::1", "2001:db8::1"}) {
    EXPECT_EQ(place(plan, ip).name, "unknown") << ip;
  }
  for (const Estimate& e : plan.geography.places[0].to_region)
    EXPECT_EQ(e.source, LatencySource::unknown);
}

TEST_F(WhereClientsAre, a_regions_clients_win_over_country_and_unknown) {
  const Plan plan = world("clients: [10.0.0.0/8, 165.21.84.0/24, '2001:db8::/32', 1.2.3.4]");
  EXPECT_EQ(place(plan, "10.1.2.3").name, "us-east-1");
  EXPECT_EQ(place(plan, "165.21.84.9").name, "us-east-1");
  EXPECT_EQ(place(plan, "165.21.85.9").name, "country SG");
  EXPECT_EQ(place(plan, "2001:db8:1::1").name, "us-east-1");
  EXPECT_EQ(place(plan, "1.2.3.4").name, "us-east-1");
  EXPECT_EQ(place(plan, "127.2.0.77").name, "eu-west-1");  // the loopback block of its node
  EXPECT_EQ(place(world("clients: [0.0.0.0/0]"), "127.99.0.1").name, "us-east-1");
}

TEST_F(WhereClientsAre, a_scope_covers_only_clients_of_the_same_place) {
  const Plan plan = world();
  const auto found = plan.geography.table.find(*IpAddress::parse("165.21.84.1"));
  const Prefix around = Prefix::of(*IpAddress::parse("165.21.84.1"), found.scope_bits);
  const auto of_lowest = plan.geography.table.find(around.base);
  EXPECT_EQ(of_lowest.value, found.value);
  EXPECT_GT(found.scope_bits, 8);
  EXPECT_LE(found.scope_bits, 16);
}

TEST_F(WhereClientsAre, users_rank_regions_as_the_cables_run) {
  const Plan plan = world();
  auto ms = [&](std::string_view ip, size_t region) {
    return place(plan, ip).to_region[region].rtt_us / 1000;
  };
  // Singapore: measured 187 ms to Ireland and 236 ms to Virginia, and the last mile on top.
  EXPECT_NEAR(ms("165.21.84.1", 1), 196, 2);
  EXPECT_NEAR(ms("165.21.84.1", 0), 245, 2);
  EXPECT_NEAR(ms("165.21.84.1", 2), 10, 1);
  EXPECT_LT(ms("8.8.8.8", 0), ms("8.8.8.8", 1));
  EXPECT_LT(ms("134.226.1.1", 1), ms("134.226.1.1", 0));
  EXPECT_LT(ms("134.226.1.1", 1), 15u);
  // Fiji is next to the region that no table knows.
  const auto fiji = std::ranges::find(plan.geography.places, "country FJ", &Place::name);
  ASSERT_NE(fiji, plan.geography.places.end());
  EXPECT_LT(fiji->to_region[3].rtt_us, 12'000u);
  EXPECT_EQ(fiji->to_region[3].source, LatencySource::country_model);
}

TEST_F(WhereClientsAre, clients_inside_a_region_have_the_measured_table) {
  const Plan plan = world();
  const Place& us = plan.geography.places[1];
  EXPECT_EQ(us.name, "us-east-1");
  EXPECT_EQ(us.to_region[1].rtt_us, 70'508u);
  EXPECT_EQ(us.to_region[1].source, LatencySource::region_table);
  EXPECT_EQ(us.to_region[0].rtt_us, 264u);
  EXPECT_EQ(us.to_region[3].source, LatencySource::country_model);  // a region of one's own
  EXPECT_EQ(plan.geography.places[4].to_region[3].rtt_us, kSameRegionRttUs);
}

TEST_F(WhereClientsAre, every_place_has_an_estimate_for_every_region) {
  const Plan plan = world();
  ASSERT_EQ(plan.geography.places.size(), 1 + plan.regions.size() + data_->countries.size());
  for (size_t i = 1; i < plan.geography.places.size(); ++i) {
    const Place& from = plan.geography.places[i];
    ASSERT_EQ(from.to_region.size(), plan.regions.size());
    for (const Estimate& e : from.to_region) {
      EXPECT_GT(e.rtt_us, 0u) << from.name;
      EXPECT_LT(e.rtt_us, 700'000u) << from.name;
    }
  }
}

// No estimate may beat light in fibre, by the shortest way there is.
TEST_F(WhereClientsAre, no_country_is_nearer_than_light_allows) {
  const Plan plan = world();
  for (size_t c = 0; c < data_->countries.size(); ++c) {
    for (size_t r = 0; r < plan.regions.size(); ++r) {
      const double km = distance_km(data_->countries[c].at, plan.regions[r].at);
      const double light_us = 2 * km / kFibreKmPerMs * 1000;
      const Place& from = plan.geography.places[1 + plan.regions.size() + c];
      EXPECT_GT(from.to_region[r].rtt_us, light_us * 0.99)
          << from.name << " to " << plan.regions[r].name;
    }
  }
}

TEST_F(WhereClientsAre, the_table_stays_within_its_stated_memory) {
  const Plan plan = world();
  EXPECT_GT(plan.geography.table.range_count(), 500'000u);
  EXPECT_LT(plan.geography.table.memory_bytes(), 8u << 20);
}

TEST(Model, distance_is_that_of_the_great_circle) {
  EXPECT_NEAR(distance_km({51.5, -0.1}, {40.7, -74.0}), 5570, 20);  // London, New York
  EXPECT_NEAR(distance_km({0, 179}, {0, -179}), 222, 1);            // over the date line
  EXPECT_NEAR(distance_km({90, 0}, {-90, 0}), 20015, 1);
  EXPECT_EQ(model_rtt_us(1000), 17'000u);
}

// The constant in geography.h is what the table says.
TEST(Model, its_detour_is_the_median_of_the_measured_pairs) {
  const Data data = built_in_data(false);
  std::vector<double> detours;
  for (size_t a = 0; a < data.aws_regions.size(); ++a) {
    for (size_t b = 0; b < data.aws_regions.size(); ++b) {
      const double km = distance_km(data.aws_regions[a].at, data.aws_regions[b].at);
      if (data.rtt_us[a][b] == 0 || km <= 500) continue;
      detours.push_back(data.rtt_us[a][b] / 1000.0 / (2 * km / kFibreKmPerMs));
    }
  }
  std::ranges::sort(detours);
  EXPECT_GT(detours.size(), 300u);
  EXPECT_NEAR(detours[detours.size() / 2], kDetour, 0.1);
}

}  // namespace
}  // namespace sealane::plan
