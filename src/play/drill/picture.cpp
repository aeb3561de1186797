// SPDX-License-Identifier: Apache-2.0
#include "play/drill/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/escape.h"
#include "play/drill/report.h"
#include "play/drill/rows.h"

namespace sealane::play::drill {

using plan::EndpointId;
using plan::RegionId;

namespace {

// Pixels of the viewBox; the page scales it.
constexpr double kWidth = 1160, kLeft = 210, kRight = 20, kTop = 34;
constexpr double kRow = 18, kBar = 12, kPanel = 130, kGap = 16;
constexpr double kShortestMs = 0.1, kLongestMs = 10'000;  // of the latency axis, logarithmic
constexpr Duration kSlow = 50ms;                          // always drawn

class Canvas {
 public:
  Canvas(const plan::Plan& plan, const Scenario& scenario, const Observations& seen)
      : plan_(plan),
        scenario_(scenario),
        seen_(seen),
        from_(seen.began),
        to_(seen.ended_at.value_or(seen.began)) {
    to_ = std::max(to_, from_ + Duration(1s));
  }
  std::string draw();

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }
  double x(Instant at) const {
    const Duration since = std::clamp(at, from_, to_) - from_;
    return kLeft +
           (kWidth - kLeft - kRight) * double(since.count()) / double((to_ - from_).count());
  }
  static std::string color(RegionId region) {
    return region == kNowhere ? "nobody" : fmt::format("region-{}", index(region) % kRegionColors);
  }
  void title(std::string_view text) {
    y_ += kGap;
    put("<text class='lane' x='0' y='{:.0f}'>{}</text>\n", y_ + 4, html_escaped(text));
    y_ += 12;
  }
  void label(std::string_view text, double y) {
    put("<text x='{:.0f}' y='{:.1f}' text-anchor='end'>{}</text>\n", kLeft - 8, y,
        html_escaped(text));
  }
  void bar(Instant a, Instant b, std::string_view css, std::string_view tip) {
    const double left = x(a), width = std::max(x(b) - left, 0.75);
    put("<rect class='{}' x='{:.1f}' y='{:.1f}' width='{:.1f}' "
        "height='{:.0f}'><title>{}</title></rect>\n",
        css, left, y_ + (kRow - kBar) / 2, width, kBar, html_escaped(tip));
  }
  void cross(double cx, double cy) {
    put("<path class='failed' d='M{:.1f} {:.1f}l6 6m0 -6l-6 6'/>\n", cx - 3, cy - 3);
  }

  void health();
  void dns();
  void users(const Place& place);
  void streams(const Place& place);
  void axis(double bottom);
  void mark(const std::optional<Instant>& at, std::string_view css, std::string_view text,
            double bottom);

  const plan::Plan& plan_;
  const Scenario& scenario_;
  const Observations& seen_;
  Instant from_, to_;
  double y_ = kTop;
  std::string out_;
};

void Canvas::health() {
  title("Health: what nodes think of " + plan_.region(scenario_.target).name);
  for (const EndpointId node : survivors(plan_, scenario_)) {
    label(plan_.endpoint(node).address.ip.to_string(), y_ + 13);
    for (const EndpointId target : target_nodes(plan_, scenario_)) {
      Instant since = from_;
      bool healthy = true;
      const auto flush = [&](Instant until) {
        if (until > since) bar(since, until, healthy ? "up" : "down", healthy ? "up" : "down");
      };
      for (const HealthSeen& h : seen_.health) {
        if (h.node != node || h.endpoint != target) continue;
        if (h.at > from_) flush(h.at);
        healthy = h.healthy;
        since = std::max(h.at, from_);
      }
      flush(to_);
    }
    y_ += kRow;
  }
}

void Canvas::dns() {
  title("DNS: whom nodes answer");
  for (const plan::Region& region : plan_.regions) {
    for (const EndpointId node : region.nodes) {
      for (const Place& place : scenario_.places) {
        if (!holds(place.before, scenario_.target)) continue;
        label(fmt::format("{} to {}", plan_.endpoint(node).address.ip.to_string(),
                          plan_.region(place.region).name),
              y_ + 13);
        Instant since = from_;
        std::vector<RegionId> regions;
        bool known = false;
        const auto flush = [&](Instant until) {
          if (!known || until <= since) return;
          bar(since, until, color(regions.empty() ? kNowhere : regions.front()),
              regions.empty() ? "no answer" : names_of(plan_, regions));
        };
        for (const AnswerSeen& a : seen_.answers) {
          if (a.node != node || a.near != place.region) continue;
          if (a.at > from_) flush(a.at);
          regions = a.regions, known = true;
          since = std::max(a.at, from_);
        }
        flush(to_);
        y_ += kRow;
      }
    }
  }
}

void Canvas::users(const Place& place) {
  title("Users near " + plan_.region(place.region).name +
        (place.is_affected ? ": their node is hit" : ""));
  const auto height = [&](Duration wait) {
    const double ms = std::clamp(double(wait.count()) / 1e6, kShortestMs, kLongestMs);
    return y_ + kPanel -
           kPanel * std::log10(ms / kShortestMs) / std::log10(kLongestMs / kShortestMs);
  };
  for (const auto& [ms, text] :
       {std::pair{1, "1 ms"}, {10, "10 ms"}, {100, "100 ms"}, {1000, "1 s"}}) {
    const double at = height(std::chrono::milliseconds(ms));
    put("<line class='grid' x1='{:.0f}' x2='{:.0f}' y1='{:.1f}' y2='{:.1f}'/>\n", kLeft,
        kWidth - kRight, at, at);
    label(text, at + 4);
  }
  const auto is_shown = [&](const RequestSeen& r) {
    return r.near == place.region && r.intended >= from_;
  };
  const auto is_plain = [](const RequestSeen& r) {
    return r.ok() && r.first == Failure::none && r.wait < kSlow;
  };
  const auto plain_count = size_t(std::ranges::count_if(
      seen_.requests, [&](const RequestSeen& r) { return is_shown(r) && is_plain(r); }));
  const size_t step = plain_count / kDotsMax + 1;
  size_t plain = 0, special = 0;
  std::string failures;  // on top of the dots
  for (const RequestSeen& r : seen_.requests) {
    if (!is_shown(r)) continue;
    if (is_plain(r) ? plain++ % step != 0 : ++special > kDotsMax) continue;
    const double cx = x(r.intended), cy = height(r.wait);
    if (!r.ok()) {
      fmt::format_to(std::back_inserter(failures),
                     "<path class='failed {}' d='M{:.1f} {:.1f}l6 6m0 -6l-6 6'/>\n",
                     r.kind == Kind::ttl_only ? "faint" : "", cx - 3, cy - 3);
    } else if (r.kind == Kind::prompt) {
      put("<rect class='{}' x='{:.1f}' y='{:.1f}' width='4' height='4'/>\n", color(r.served_by),
          cx - 2, cy - 2);
    } else {
      put("<circle class='{}{}{}' cx='{:.1f}' cy='{:.1f}' r='{}'/>\n", color(r.served_by),
          r.kind == Kind::ttl_only ? " faint" : "", r.try_count > 1 ? " again" : "", cx, cy,
          r.try_count > 1 ? 3 : 1.6);
    }
  }
  out_ += failures;
  y_ += kPanel;
}

void Canvas::streams(const Place& place) {
  title("Streams near " + plan_.region(place.region).name);
  const double top = y_;
  double bottom = y_;
  std::string marks;
  for (const StreamSeen& s : seen_.streams) {
    if (s.near != place.region || s.ended < from_) continue;
    y_ = top + kRow * s.user;
    bottom = std::max(bottom, y_ + kRow);
    if (s.token_count > 0) {
      bar(std::max(s.began, from_), s.ended, color(s.served_by),
          fmt::format("{}: {} tokens, {}",
                      s.served_by == kNowhere ? "?" : plan_.region(s.served_by).name, s.token_count,
                      name(s.end)));
    }
    if (s.end != StreamEnd::open && s.end != StreamEnd::complete) cross(x(s.ended), y_ + kRow / 2);
  }
  y_ = bottom;
}

void Canvas::axis(double bottom) {
  const Instant zero = seen_.fault_at.value_or(from_);
  const double seconds = double((to_ - from_).count()) / 1e9;
  const int step = seconds <= 12    ? 1
                   : seconds <= 30  ? 2
                   : seconds <= 75  ? 5
                   : seconds <= 300 ? 20
                                    : 60;
  const auto first = int(std::ceil(double((from_ - zero).count()) / 1e9 / step)) * step;
  for (int s = first; zero + std::chrono::seconds(s) <= to_; s += step) {
    const double at = x(zero + std::chrono::seconds(s));
    put("<line class='grid' x1='{0:.1f}' x2='{0:.1f}' y1='{1:.0f}' y2='{2:.0f}'/>\n", at, kTop,
        bottom);
    put("<text class='tick' x='{:.1f}' y='{:.0f}' text-anchor='middle'>{}</text>\n", at,
        bottom + 16, s == 0 ? "0" : fmt::format("{:+d} s", s));
  }
}

void Canvas::mark(const std::optional<Instant>& at, std::string_view css, std::string_view text,
                  double bottom) {
  if (!at) return;
  const double where = x(*at);
  put("<line class='{}' x1='{:.1f}' x2='{:.1f}' y1='{:.0f}' y2='{:.0f}'/>\n", css, where, where,
      kTop - 12, bottom);
  put("<text class='{}' x='{:.1f}' y='{:.0f}'>{}</text>\n", css, where + 5, kTop - 14,
      html_escaped(text));
}

std::string Canvas::draw() {
  health();
  dns();
  for (const Place& place : scenario_.places) users(place);
  for (const Place& place : scenario_.places) streams(place);
  std::string lanes = std::exchange(out_, {});
  const double bottom = y_ + 8;
  axis(bottom);  // under everything
  out_ += lanes;
  mark(seen_.fault_at, "fault",
       fmt::format("{} {}", plan_.region(scenario_.target).name, past_tense(scenario_.fault)),
       bottom);
  mark(seen_.heal_at, "heal", "healed", bottom);
  return fmt::format(
      "<svg viewBox='0 0 {:.0f} {:.0f}' role='img' aria-label='Timeline of the drill'>\n{}</svg>\n",
      kWidth, bottom + 24, out_);
}

}  // namespace

std::string picture(const plan::Plan& plan, const Scenario& scenario, const Observations& seen) {
  return Canvas(plan, scenario, seen).draw();
}

}  // namespace sealane::play::drill
