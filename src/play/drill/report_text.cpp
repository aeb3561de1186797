// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>

#include "play/drill/report.h"

namespace sealane::play::drill {
namespace {

struct Page {
  bool color;
  std::string out;

  template <typename... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
    out += '\n';
  }
  void title(std::string_view text) { line("\n{}", paint("1", text)); }
  std::string paint(std::string_view code, std::string_view text) const {
    return color ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
  }
};

std::string print(const std::optional<Duration>& time) { return time ? print_time(*time) : "-"; }

void verdict_lines(Page& page, const DrillReport& report) {
  page.title("Expectations of the plan");
  for (const Verdict& v : report.verdicts) {
    const std::string mark = v.met == Met::yes  ? page.paint("32", "  ok  ")
                             : v.met == Met::no ? page.paint("1;31", "MISSED")
                                                : page.paint("2", "  --  ");
    page.line("{}  {:<8}{:<62} {:<16} {}", mark, v.layer, v.what, v.bound, v.measured);
  }
}

void layer_tables(Page& page, const DrillReport& report) {
  page.title("Health: a node's view of " + report.target);
  page.line("  {:<18}{:<18}{:>12}{:>14}", "node", "region", "down after", "up after heal");
  for (const DetectRow& r : report.detects) {
    page.line("  {:<18}{:<18}{:>12}{:>14}", r.node, r.region, print(r.down_after),
              print(r.up_after));
  }
  page.title("DNS: what a node answers");
  page.line("  {:<18}{:<20}{:<18}{:<18}{:>14}{:>16}", "node", "users near", "before", "during",
            "changed after", "back after heal");
  for (const AnswerRow& r : report.answers) {
    page.line("  {:<18}{:<20}{:<18}{:<18}{:>14}{:>16}", r.node, r.near, r.before, r.during,
              print(r.changed_after), print(r.back_after));
  }
}

void user_tables(Page& page, const DrillReport& report) {
  page.title("Users");
  page.line("  {:<18}{:<10}{:>9}{:>9}{:>8}{:>10}{:>10}{:>10}{:>13}{:>11}{:>11}", "near", "kind",
            "requests", "retried", "failed", "p50", "p99", "longest", "last failed", "elsewhere",
            "back");
  for (const UserRow& r : report.users) {
    page.line("  {:<18}{:<10}{:>9}{:>9}{:>8}{:>10}{:>10}{:>10}{:>13}{:>11}{:>11}", r.near,
              name(r.kind), r.request_count, r.retried_count, r.failed_count, print_time(r.p50),
              print_time(r.p99), print_time(r.longest), print(r.last_failed),
              r.is_affected ? print(r.elsewhere_after) : "stayed",
              r.is_affected ? print(r.back_after) : "");
  }
  page.title("Streams");
  page.line("  {:<18}{:>6}{:>6}{:>8}{:>6}{:>12}{:>12}{:>9}{:>9}{:>9}{:>13}", "near", "hit", "torn",
            "silent", "told", "elsewhere", "surviving", "broken", "tokens", "missing",
            "longest gap");
  for (const StreamRow& r : report.streams) {
    page.line("  {:<18}{:>6}{:>6}{:>8}{:>6}{:>12}{:>12}{:>9}{:>9}{:>9}{:>13}", r.near, r.hit_count,
              r.torn_count, r.silent_count, r.told_count, print(r.elsewhere_after),
              r.survivor_count, r.survivor_broken_count, r.token_count, r.missing_count,
              print_time(r.longest_gap));
  }
}

void turn_table(Page& page, const DrillReport& report) {
  if (report.turns.empty()) return;
  page.title("Turns: conversations that agents keep in a table");
  page.line("  {:<18}{:<10}{:>13}{:>10}{:>6}{:>7}{:>10}{:>11}  {}", "near", "kind", "acknowledged",
            "repeated", "lost", "stale", "longest", "elsewhere", "read in");
  for (const TurnRow& r : report.turns) {
    page.line("  {:<18}{:<10}{:>13}{:>10}{:>6}{:>7}{:>10}{:>11}  {}", r.near,
              r.is_ten ? "ten" : "running", r.acknowledged_count, r.repeated_count, r.lost_count,
              r.stale_count, print_time(r.longest),
              r.is_affected ? print(r.elsewhere_after) : "stayed", fmt::join(r.read_in, ", "));
  }
}

}  // namespace

std::string to_text(const DrillReport& report, bool color) {
  Page page{.color = color, .out = {}};
  page.line("Drill: {} {} of {} ({}), policy {}, plan {}", report.fault, report.target,
            report.domain, report.world, report.policy, report.plan_version);
  page.line("Taken over by {}; healed after {}.", report.takes_over, print(report.heal_after));
  layer_tables(page, report);
  user_tables(page, report);
  turn_table(page, report);
  verdict_lines(page, report);
  size_t met = 0, missed = 0;
  for (const Verdict& v : report.verdicts) met += v.met == Met::yes, missed += v.met == Met::no;
  page.line("\n{}: {} expectations met, {} missed.",
            report.is_good() ? page.paint("1;32", "GOOD") : page.paint("1;31", "NOT GOOD"), met,
            missed);
  return page.out;
}

}  // namespace sealane::play::drill
