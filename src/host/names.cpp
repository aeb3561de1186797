// SPDX-License-Identifier: Apache-2.0
#include "host/names.h"

#include <system_error>
#include <thread>
#include <utility>

#include "base/thread_annotations.h"
#include "host/resolve.h"

namespace sealane::host {

struct HostNames::Back {
  explicit Back(HostNames& names, port::Inbox& to) : owner(&names), inbox(&to) {}
  HostNames* owner;  // the lane's: nobody else looks at it
  Mutex mu;
  port::Inbox* inbox SL_GUARDED_BY(mu);  // null: the owner is gone
};

HostNames::HostNames(port::Lane& lane)
    : lane_(lane), back_(std::make_shared<Back>(*this, lane.inbox)) {}

HostNames::~HostNames() {
  back_->owner = nullptr;
  const LockGuard lock(back_->mu);
  back_->inbox = nullptr;
}

void HostNames::resolve(const std::string& name, Done done) {
  const bool is_full = asked_.size() >= kUnderWayMax;
  const uint64_t id = ++last_id_;
  asked_.emplace(id, std::move(done));
  const auto tell = [back = back_, id](const Result<std::vector<IpAddress>>& found) {
    const LockGuard lock(back->mu);
    if (!back->inbox) return;
    (void)back->inbox->post([back, id, found] {
      if (back->owner) back->owner->answered(id, found);
    });
  };
  if (is_full) return tell(fail(Code::limit, "too many names are being looked up"));
  try {
    std::thread([tell, name] { tell(resolve_all(name)); }).detach();
  } catch (const std::system_error& error) {
    tell(fail(Code::unavailable, std::string("no thread to look up a name with: ") + error.what()));
  }
}

void HostNames::answered(uint64_t id, Result<std::vector<IpAddress>> found) {
  auto asked = asked_.extract(id);
  if (asked) asked.mapped()(std::move(found));
}

}  // namespace sealane::host
