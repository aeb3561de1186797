// SPDX-License-Identifier: Apache-2.0
// A plan and a view that was made for it: what a lane decides by. The two are published one after
// the other; in between the old pair stays, for an EndpointId means something else in each plan.
// Not shared between threads.
#pragma once

#include <memory>
#include <utility>

#include "base/snapshot.h"
#include "base/time.h"
#include "plan/plan.h"
#include "view/view.h"

namespace sealane::view {

class Current {
 public:
  // At the start a view need not fit: then one that knows nothing stands in for it.
  Current(const Published<plan::Plan>& plan, const Published<View>& view, Instant now)
      : plans_(plan), views_(view), plan_(plans_.pointer()) {
    view_ = views_->is_of(*plan_) ? views_.pointer()
                                  : std::make_shared<const View>(View::unknown(*plan_, now));
  }

  enum class Moved : uint8_t { nothing, view, both };
  // Takes over what is newer: two loads when nothing is. The pair before stays until the next move.
  Moved refresh() {
    const bool plan_moved = plans_.refresh(), view_moved = views_.refresh();
    if ((!plan_moved && !view_moved) || !views_->is_of(*plans_)) return Moved::nothing;
    const bool is_new_plan = plan_ != plans_.pointer();
    plan_before_ = std::exchange(plan_, plans_.pointer());
    view_before_ = std::exchange(view_, views_.pointer());
    return is_new_plan ? Moved::both : Moved::view;
  }
  const std::shared_ptr<const plan::Plan>& plan() const { return plan_; }
  const View& view() const { return *view_; }
  // Once the plan has moved.
  const plan::Plan& plan_before() const { return *plan_before_; }

 private:
  Reader<plan::Plan> plans_;
  Reader<View> views_;
  std::shared_ptr<const plan::Plan> plan_, plan_before_;
  std::shared_ptr<const View> view_, view_before_;
};

}  // namespace sealane::view
