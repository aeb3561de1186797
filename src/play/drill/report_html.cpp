// SPDX-License-Identifier: Apache-2.0
// The report as one page without anything from outside: no script, no font, no image but the inline
// picture.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "base/escape.h"
#include "play/drill/picture.h"
#include "play/drill/report.h"

namespace sealane::play::drill {
namespace {

// Region colours: Okabe and Ito's set, which people with any colour vision can tell apart, darker
// on white.
constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark;
  --bg: #ffffff; --ink: #1c2128; --dim: #667080; --line: #d8dee6; --card: #f5f7fa;
  --good: #157f3c; --bad: #c6281c; --heal: #0b62c4;
  --r0: #0072b2; --r1: #d98200; --r2: #009e73; --r3: #b4568f; --r4: #4a9fd4; --r5: #b8a300; --r6: #6a51a3; --r7: #7f5539; }
@media (prefers-color-scheme: dark) { :root {
  --bg: #12161c; --ink: #e4e9f0; --dim: #93a0b0; --line: #2c3542; --card: #1a2028;
  --good: #4cc775; --bad: #ff6b5e; --heal: #6cb2ff;
  --r0: #4db1ee; --r1: #f5b041; --r2: #2fd1a2; --r3: #e08cc0; --r4: #9bd3f7; --r5: #f0e442; --r6: #b3a0e8; --r7: #c79a78; } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1200px; padding: 24px 20px 60px; background: var(--bg); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 22px; margin: 0 0 2px; font-weight: 650 } h2 { font-size: 17px; margin: 34px 0 8px }
p { margin: 4px 0 } .dim { color: var(--dim) }
.verdict { font-size: 44px; font-weight: 750; line-height: 1.1; margin: 18px 0 4px; letter-spacing: -.01em }
.good { color: var(--good) } .bad { color: var(--bad) }
.cards { display: flex; flex-wrap: wrap; gap: 12px; margin: 18px 0 }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 16px; flex: 1 1 150px }
.card b { display: block; font-size: 25px; font-weight: 700; font-variant-numeric: tabular-nums }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums }
th { text-align: left; color: var(--dim); font-weight: 500 }
th, td { padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top }
td.n, th.n { text-align: right; white-space: nowrap } td.mark { font-weight: 700; white-space: nowrap }
svg { width: 100%; height: auto; display: block; background: var(--card); border: 1px solid var(--line); border-radius: 8px }
svg text { fill: var(--dim); font: 11px system-ui, sans-serif } svg text.lane { fill: var(--ink); font-weight: 650; font-size: 12px }
svg .grid { stroke: var(--line); stroke-width: 1 } svg .up { fill: var(--good); opacity: .55 } svg .down { fill: var(--bad) }
svg .nobody { fill: var(--dim); opacity: .25 } svg .failed { stroke: var(--bad); stroke-width: 1.8; fill: none }
svg .faint { opacity: .45 } svg .again { stroke: var(--ink); stroke-width: 1 }
svg line.fault { stroke: var(--bad); stroke-width: 1.6; stroke-dasharray: 5 3 } svg text.fault { fill: var(--bad); font-weight: 650 }
svg line.heal { stroke: var(--heal); stroke-width: 1.6; stroke-dasharray: 5 3 } svg text.heal { fill: var(--heal); font-weight: 650 }
.region-0 { fill: var(--r0) } .region-1 { fill: var(--r1) } .region-2 { fill: var(--r2) } .region-3 { fill: var(--r3) }
.region-4 { fill: var(--r4) } .region-5 { fill: var(--r5) } .region-6 { fill: var(--r6) } .region-7 { fill: var(--r7) }
.legend { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 8px 0; font-size: 13px; color: var(--dim) }
.legend svg { display: inline; width: 14px; height: 14px; border: 0; background: none; vertical-align: -2px; margin-right: 5px }
)";

std::string print(const std::optional<Duration>& time) { return time ? print_time(*time) : "–"; }

struct Page {
  std::string out;
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
  }
  // The columns whose names begin with '#' hold numbers.
  void head(std::string_view title, std::initializer_list<std::string_view> columns) {
    put("<h2>{}</h2>\n<div class='wide'><table><thead><tr>", title);
    for (const std::string_view column : columns) {
      const bool number = column.starts_with('#');
      put("<th{}>{}</th>", number ? " class='n'" : "", column.substr(number ? 1 : 0));
    }
    put("</tr></thead><tbody>\n");
  }
  void text(std::string_view value) { put("<td>{}</td>", html_escaped(value)); }
  void number(std::string_view value) { put("<td class='n'>{}</td>", html_escaped(value)); }
  void count(uint64_t value, bool is_bad = false) {
    put("<td class='n{}'>{}</td>", is_bad && value > 0 ? " bad" : "", value);
  }
  void row() { put("<tr>"); }
  void end_row() { put("</tr>\n"); }
  void end() { put("</tbody></table></div>\n"); }
  void card(std::string_view value, std::string_view what) {
    put("<div class='card'><b>{}</b><span class='dim'>{}</span></div>\n", html_escaped(value),
        html_escaped(what));
  }
};

std::optional<Duration> slowest(const std::vector<std::optional<Duration>>& times) {
  std::optional<Duration> worst;
  for (const auto& time : times) {
    if (!time) return std::nullopt;
    worst = std::max(worst.value_or(Duration::min()), *time);
  }
  return worst;
}

void top(Page& page, const DrillReport& r) {
  const auto missed = std::ranges::count(r.verdicts, Met::no, &Verdict::met);
  const auto met = std::ranges::count(r.verdicts, Met::yes, &Verdict::met);
  page.put("<h1>Drill: {} {}</h1>\n", html_escaped(r.fault), html_escaped(r.target));
  page.put("<p class='dim'>{} &middot; {} &middot; policy {} &middot; plan {} &middot; {}</p>\n",
           html_escaped(r.domain), html_escaped(r.world), html_escaped(r.policy),
           html_escaped(r.plan_version), html_escaped(r.started));
  page.put("<div class='verdict {}'>{}</div>\n", r.is_good() ? "good" : "bad",
           r.is_good() ? "As promised" : "Not as promised");
  page.put("<p>{} expectations of the plan were met, {} missed. {}</p>\n", met, missed,
           r.stopped_by.empty() ? html_escaped("Taken over by " + r.takes_over + ".")
                                : html_escaped("It ended early: " + r.stopped_by));
  std::vector<std::optional<Duration>> seen, changed, moved;
  Duration survivors_longest{};
  uint64_t survivors_failed = 0;
  for (const DetectRow& row : r.detects) seen.push_back(row.down_after);
  for (const AnswerRow& row : r.answers) changed.push_back(row.changed_after);
  for (const UserRow& row : r.users) {
    if (row.kind != Kind::retrying) continue;
    if (row.is_affected) {
      moved.push_back(row.elsewhere_after);
    } else {
      survivors_longest = std::max(survivors_longest, row.longest);
      survivors_failed += row.failed_count;
    }
  }
  page.put("<div class='cards'>\n");
  page.card(print(slowest(seen)), "until every surviving node saw it");
  page.card(print(slowest(changed)), "until every DNS answer changed");
  page.card(print(slowest(moved)), "until its retrying users were served elsewhere");
  page.card(fmt::format("{}", survivors_failed), "failed requests of users whose node survived");
  page.card(print_time(survivors_longest), "their longest wait");
  page.put("</div>\n");
}

void legend(Page& page, const plan::Plan& plan) {
  page.put("<div class='legend'>");
  for (size_t i = 0; i < plan.regions.size() && i < kRegionColors; ++i) {
    page.put(
        "<span><svg viewBox='0 0 14 14'><rect class='region-{}' width='14' height='14' "
        "rx='3'/></svg>{}</span>",
        i, html_escaped(plan.regions[i].name));
  }
  page.put(
      "<span><svg viewBox='0 0 14 14'><path class='failed' d='M3 3l8 8m0 -8l-8 8'/></svg>failed, "
      "or a stream that broke"
      "</span><span><svg viewBox='0 0 14 14'><circle class='region-0 again' cx='7' cy='7' "
      "r='4'/></svg>answered by a "
      "retry</span><span>faint: users who only follow the TTL</span><span>squares: "
      "prompts</span></div>\n");
}

void expectations(Page& page, const DrillReport& r) {
  page.head("What the plan promises", {"", "layer", "expectation", "bound", "measured"});
  for (const Verdict& v : r.verdicts) {
    page.row();
    page.put("<td class='mark {}'>{}</td>",
             v.met == Met::yes  ? "good"
             : v.met == Met::no ? "bad"
                                : "dim",
             v.met == Met::yes  ? "met"
             : v.met == Met::no ? "MISSED"
                                : "not seen");
    page.text(v.layer), page.text(v.what), page.text(v.bound), page.text(v.measured);
    page.end_row();
  }
  page.end();
}

void layers(Page& page, const DrillReport& r) {
  page.head("Health: surviving nodes",
            {"node", "region", "#saw it down after", "#up again after the heal"});
  for (const DetectRow& row : r.detects) {
    page.row();
    page.text(row.node), page.text(row.region), page.number(print(row.down_after)),
        page.number(print(row.up_after));
    page.end_row();
  }
  page.end();
  page.head("DNS: answers of surviving nodes",
            {"node", "users near", "before", "during", "#changed after", "#back after the heal",
             "#wrong"});
  for (const AnswerRow& row : r.answers) {
    page.row();
    page.text(row.node), page.text(row.near), page.text(row.before), page.text(row.during);
    page.number(print(row.changed_after)), page.number(print(row.back_after)),
        page.count(row.wrong_count, true);
    page.end_row();
  }
  page.end();
}

void users(Page& page, const DrillReport& r) {
  page.head("Users",
            {"near", "kind", "#requests", "#first try failed", "#failed", "#last failed after",
             "#p50", "#p99", "#longest wait", "#elsewhere after", "#back after the heal"});
  for (const UserRow& row : r.users) {
    page.row();
    page.text(row.near), page.text(name(row.kind)), page.count(row.request_count),
        page.count(row.first_failed_count);
    page.count(row.failed_count, true), page.number(print(row.last_failed)),
        page.number(print_time(row.p50));
    page.number(print_time(row.p99)), page.number(print_time(row.longest));
    page.number(row.is_affected ? print(row.elsewhere_after) : "stayed");
    page.number(row.is_affected ? print(row.back_after) : "");
    page.end_row();
  }
  page.end();
  page.put(
      "<p class='dim'>Latency counts from the intended start of a request. p50 and p99 are of the "
      "time from the fault "
      "on. Retrying users ask DNS anew and try again at once, up to {} times, {} a try, {} a name "
      "server. Prompts "
      "are not repeated once sent.</p>\n",
      r.manners.retries_max, print_time(r.manners.try_timeout),
      print_time(r.manners.resolver_patience));
  page.head("Streams", {"near", "#hit by the fault", "#torn", "#silent", "#told by an error event",
                        "#elsewhere after", "#through survivors", "#broken there", "#tokens",
                        "#missing", "#longest gap"});
  for (const StreamRow& row : r.streams) {
    page.row();
    page.text(row.near), page.count(row.hit_count), page.count(row.torn_count),
        page.count(row.silent_count);
    page.count(row.told_count), page.number(print(row.elsewhere_after)),
        page.count(row.survivor_count);
    page.count(row.survivor_broken_count, true), page.count(row.token_count),
        page.count(row.missing_count, true);
    page.number(print_time(row.longest_gap));
    page.end_row();
  }
  page.end();
}

void turns(Page& page, const DrillReport& r) {
  if (r.turns.empty()) return;
  page.head("Turns: conversations that agents keep in a table",
            {"near", "kind", "#acknowledged", "#repeated", "#lost", "#stale", "#longest wait",
             "#elsewhere after", "read in"});
  for (const TurnRow& row : r.turns) {
    page.row();
    page.text(row.near), page.text(row.is_ten ? "ten turns, five after the fault" : "running");
    page.count(row.acknowledged_count), page.count(row.repeated_count),
        page.count(row.lost_count, true);
    page.count(row.stale_count), page.number(print_time(row.longest));
    page.number(row.is_affected ? print(row.elsewhere_after) : "stayed");
    page.text(fmt::format("{}", fmt::join(row.read_in, ", ")));
    page.end_row();
  }
  page.end();
  page.put(
      "<p class='dim'>A turn is acknowledged when it is in the table. Lost: acknowledged, and "
      "missing when the "
      "conversation is read in every region at the end. Stale: a reply that knew fewer turns than "
      "an earlier one "
      "did.</p>\n");
}

void timeline(Page& page, const DrillReport& r) {
  page.head("What happened", {"#since the fault", "layer", "event"});
  for (const Moment& m : r.moments) {
    page.row();
    page.number(fmt::format("{:+.3f} s", double(m.at.count()) / 1e9));
    page.text(m.layer), page.text(m.text);
    page.end_row();
  }
  page.end();
}

}  // namespace

std::string to_html(const plan::Plan& plan, const Scenario& scenario, const Observations& seen,
                    const DrillReport& report) {
  Page page;
  page.put(
      "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'/>\n"
      "<meta name='viewport' content='width=device-width, initial-scale=1'/>\n"
      "<title>Drill: {} {}: {}</title>\n<style>{}</style></head><body>\n",
      html_escaped(report.fault), html_escaped(report.target),
      report.is_good() ? "as promised" : "not as promised", kStyle);
  top(page, report);
  legend(page, plan);
  page.out += picture(plan, scenario, seen);
  expectations(page, report);
  layers(page, report);
  users(page, report);
  turns(page, report);
  timeline(page, report);
  page.out += "</body></html>\n";
  return std::move(page.out);
}

}  // namespace sealane::play::drill
