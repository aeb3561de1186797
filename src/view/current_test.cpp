// SPDX-License-Identifier: Apache-2.0
#include "view/current.h"

#include <gtest/gtest.h>

namespace sealane::view {
namespace {

using Moved = Current::Moved;

std::shared_ptr<plan::Plan> plan_of(uint64_t version, size_t endpoints) {
  auto plan = std::make_shared<plan::Plan>();
  plan->version = version;
  plan->endpoints.resize(endpoints);
  return plan;
}
std::shared_ptr<View> view_of(const plan::Plan& plan, bool first_is_healthy = true) {
  auto view = std::make_shared<View>(View::unknown(plan, Instant{}));
  view->endpoints[0].healthy = first_is_healthy;
  return view;
}

TEST(CurrentPair, a_plan_waits_for_the_view_that_was_made_for_it) {
  const auto one = plan_of(1, 2), other = plan_of(2, 2), third = plan_of(3, 3);
  Published<plan::Plan> plans(one);
  Published<View> views(view_of(*one, false));
  Current current(plans, views, Instant{});
  EXPECT_FALSE(current.view().healthy(plan::EndpointId{0}));
  EXPECT_EQ(current.refresh(), Moved::nothing);
  plans.publish(other);
  EXPECT_EQ(current.refresh(), Moved::nothing) << "endpoint 0 is another one there";
  EXPECT_EQ(current.plan(), one);
  views.publish(view_of(*one));
  EXPECT_EQ(current.refresh(), Moved::nothing) << "made before the news came to who makes views";
  views.publish(view_of(*other));
  EXPECT_EQ(current.refresh(), Moved::both);
  EXPECT_EQ(current.plan(), other);
  EXPECT_EQ(&current.plan_before(), one.get());
  EXPECT_TRUE(current.view().healthy(plan::EndpointId{0}));
  views.publish(view_of(*other, false));
  EXPECT_EQ(current.refresh(), Moved::view);
  plans.publish(third);
  views.publish(view_of(*third));
  EXPECT_EQ(current.refresh(), Moved::both);
  EXPECT_EQ(current.plan(), third);
}

TEST(CurrentPair, at_the_start_nobody_is_known_to_be_down) {
  const auto one = plan_of(1, 2), other = plan_of(2, 2);
  Published<plan::Plan> plans(one);
  Published<View> views(view_of(*other, false));
  Current current(plans, views, Instant{});
  EXPECT_TRUE(current.view().healthy(plan::EndpointId{0}));
}

}  // namespace
}  // namespace sealane::view
