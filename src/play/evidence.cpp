// SPDX-License-Identifier: Apache-2.0
#include "play/evidence.h"

#include <fmt/format.h>

#include <algorithm>

namespace sealane::play {
namespace {

struct Finding {
  bool met = false;
  std::string measured;
  Duration took = Duration(-1);
};

// The first fault after `when`, or the end of the scene.
Duration next_fault(const Scene& scene, Duration when) {
  for (const Fault& fault : scene.faults) {
    if (fault.when > when) return fault.when;
  }
  return scene.lasts;
}

// The last fault up to `when`, or the beginning.
Duration last_fault(const Scene& scene, Duration when) {
  Duration last{};
  for (const Fault& fault : scene.faults) {
    if (fault.when <= when) last = fault.when;
  }
  return last;
}

bool concerns(const AnswerSeen& answer, const Expectation& e) {
  return answer.near == e.near.text && (!e.via || answer.via == e.via->text);
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out.empty() ? "no address" : out;
}

// From e.to to the next fault nothing else is answered; measured is when the last other answer was
// followed by a right one.
Finding dns_answers(const Scene& scene, const Expectation& e, const Evidence& evidence) {
  const Duration end = next_fault(scene, e.to), begin = last_fault(scene, e.to);
  bool switched = false;
  Duration since{};
  const AnswerSeen* wrong = nullptr;
  for (const AnswerSeen& answer : evidence.answers) {
    if (!concerns(answer, e) || answer.when < begin || answer.when >= end) continue;
    const bool right =
        !answer.regions.empty() &&
        std::ranges::all_of(answer.regions, [&](const auto& r) { return r == e.region.text; });
    if (right && !switched) since = answer.when;
    switched = right;
    if (!right) wrong = &answer;
  }
  if (!switched && !wrong) return {false, "no name server answered"};
  if (!switched)
    return {false,
            fmt::format("still {} at {}", joined(wrong->regions), print_duration(wrong->when))};
  const Duration took = since - begin;
  return {since <= e.to,
          fmt::format("from {} on, {} after what happened at {}", print_duration(since),
                      print_duration(took), print_duration(begin)),
          took};
}

Finding dns_silent(const Expectation& e, const Evidence& evidence) {
  size_t asked_count = 0;
  for (const AnswerSeen& answer : evidence.answers) {
    if (!concerns(answer, e) || answer.when < e.from || answer.when >= e.to) continue;
    ++asked_count;
    if (!answer.regions.empty()) {
      return {false, fmt::format("{} was answered at {}", joined(answer.regions),
                                 print_duration(answer.when))};
    }
  }
  return {asked_count > 0, fmt::format("{} answers without an address", asked_count)};
}

// e.from: the moment it is counted from; e.within: how long it may take.
Finding seen(size_t position, const Expectation& e, const Evidence& evidence) {
  const bool down = e.kind == Expectation::Kind::seen_down;
  Duration latest{};
  size_t observer_count = 0;
  for (const OpinionSeen& opinion : evidence.opinions) {
    if (opinion.expectation != position) continue;
    ++observer_count;
    if (opinion.down != down) {
      return {false,
              fmt::format("{} still has it {}", opinion.observer, opinion.down ? "down" : "up")};
    }
    // When it last came to this opinion; before e.from: it has had it all along.
    Duration since{};
    for (const FlipSeen& flip : evidence.flips) {
      const bool before_end = flip.when <= e.from + e.within;
      if (flip.observer == opinion.observer && flip.region == e.region.text && before_end)
        since = flip.when;
    }
    latest = std::max(latest, since - e.from);
  }
  if (observer_count == 0) return {false, "no running observer in another region"};
  return {true,
          fmt::format("the last of {} observers after {}", observer_count, print_duration(latest)),
          latest};
}

Finding never_down(const Expectation& e, const Evidence& evidence) {
  for (const FlipSeen& flip : evidence.flips) {
    const bool looked_at = e.to == Duration::zero() || flip.when < e.to;
    if (flip.region == e.region.text && flip.down && looked_at) {
      return {false, fmt::format("{} had it down at {}", flip.observer, print_duration(flip.when))};
    }
  }
  return {true, "up all the time at every observer"};
}

Finding flips_at_most(const Expectation& e, const Evidence& evidence) {
  std::map<std::string, uint64_t> counts;
  for (const FlipSeen& flip : evidence.flips) {
    if (flip.region == e.region.text) ++counts[flip.observer];
  }
  uint64_t most = 0;
  for (const auto& [observer, count] : counts) most = std::max(most, count);
  return {most <= e.count, fmt::format("{} flips at the observer with the most", most)};
}

Finding failed_at_most(const Expectation& e, const Evidence& evidence) {
  uint64_t failed_count = 0, looked_count = 0;
  const RequestRecord* first = nullptr;
  for (const RequestSeen& request : evidence.requests) {
    if (e.only_repeatable && !request.record.is_repeatable) continue;
    ++looked_count;
    if (request.record.is_over && request.record.ok) continue;
    ++failed_count;
    if (!first) first = &request.record;
  }
  std::string measured = fmt::format("{} of {} failed", failed_count, looked_count);
  if (first) {
    measured += fmt::format(", the first began at {} ({})",
                            print_duration(first->began.time_since_epoch()), first->trouble);
  }
  return {looked_count > 0 && failed_count <= e.count, measured};
}

Finding answered_within(const Expectation& e, const Evidence& evidence) {
  Duration slowest{};
  Instant began{};
  for (const RequestSeen& request : evidence.requests) {
    if (!request.record.is_over) return {false, "a request has no end"};
    // A stream takes as long as it lasts.
    if (request.record.action == Users::Action::stream) continue;
    const Duration took = request.record.ended - request.record.began;
    if (took > slowest) slowest = took, began = request.record.began;
  }
  return {!evidence.requests.empty() && slowest <= e.within,
          fmt::format("the slowest took {}, begun at {}", print_duration(slowest),
                      print_duration(began.time_since_epoch())),
          slowest};
}

Finding share(const Expectation& e, const Evidence& evidence) {
  uint64_t all_count = 0, region_count = 0;
  for (const AnswerSeen& answer : evidence.answers) {
    if (!concerns(answer, e) || answer.when < e.from || answer.when >= e.to ||
        answer.regions.empty())
      continue;
    ++all_count;
    region_count += answer.regions.front() == e.region.text;
  }
  if (all_count == 0) return {false, "no name server answered"};
  const double part = double(region_count) / double(all_count);
  return {part >= e.low && part <= e.high,
          fmt::format("{:.1f}% of {} answers", part * 100, all_count)};
}

Finding find(const Scene& scene, size_t position, const Evidence& evidence) {
  using Kind = Expectation::Kind;
  const Expectation& e = scene.expectations[position];
  switch (e.kind) {
    case Kind::dns_answers:
      return dns_answers(scene, e, evidence);
    case Kind::dns_silent:
      return dns_silent(e, evidence);
    case Kind::seen_down:
    case Kind::seen_up:
      return seen(position, e, evidence);
    case Kind::never_down:
      return never_down(e, evidence);
    case Kind::flips_at_most:
      return flips_at_most(e, evidence);
    case Kind::failed_at_most:
      return failed_at_most(e, evidence);
    case Kind::answered_within:
      return answered_within(e, evidence);
    case Kind::share:
      return share(e, evidence);
  }
  return {};
}

Felt felt_by(const Users& users, size_t group, const Evidence& evidence) {
  constexpr const char* kActions[] = {"get", "post", "stream"};
  Felt felt;
  felt.who =
      fmt::format("near {} {} {}", users.near.text, kActions[size_t(users.action)], users.path);
  std::vector<Duration> times;
  for (const RequestSeen& request : evidence.requests) {
    if (request.group != group) continue;
    const RequestRecord& record = request.record;
    ++felt.request_count;
    felt.repeated_count += record.attempts > 1;
    felt.unfinished_count += !record.is_over;
    if (record.is_over) times.push_back(record.ended - record.began);
    if (record.is_over && record.ok) continue;
    ++felt.failed_count;
    if (felt.first_trouble.empty()) {
      felt.first_trouble = fmt::format("begun at {}, {} attempts: {}",
                                       print_duration(record.began.time_since_epoch()),
                                       record.attempts, record.trouble);
    }
  }
  if (times.empty()) return felt;
  std::ranges::sort(times);
  felt.p50 = times[times.size() / 2];
  felt.p99 = times[times.size() * 99 / 100];
  felt.slowest = times.back();
  return felt;
}

}  // namespace

void judge(const Scene& scene, const Evidence& evidence, Report& report) {
  report.met = true;
  for (size_t i = 0; i < scene.users.size(); ++i) {
    report.felt.push_back(felt_by(scene.users[i], i, evidence));
    report.met &= report.felt.back().unfinished_count == 0;
  }
  for (size_t i = 0; i < scene.expectations.size(); ++i) {
    const Expectation& e = scene.expectations[i];
    Finding finding = find(scene, i, evidence);
    const int64_t took_us = finding.took < Duration::zero() ? -1 : to_us(finding.took);
    report.verdicts.push_back({e.at, e.text, finding.met, std::move(finding.measured), took_us});
    report.met &= finding.met;
  }
}

}  // namespace sealane::play
