// SPDX-License-Identifier: Apache-2.0
#include "main/conflicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/time.h"

namespace sealane::main {
namespace {

using nlohmann::json;

constexpr double kSecondsMax = 253'402'300'799;  // the end of the year 9999

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}
// A date as DynamoDB writes it: seconds with fractions.
uint64_t ms_of(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return 0;
  return uint64_t(std::clamp(found->get<double>(), 0.0, kSecondsMax) * 1000 + 0.5);
}
std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<ConflictSide> side_of(const json& conflict, const char* key) {
  const auto found = conflict.find(key);
  if (found == conflict.end() || !found->is_object()) {
    return fail(Code::invalid, "a conflict without its two sides");
  }
  const json& side = *found;
  ConflictSide out{.stamp = text_of(side, "Stamp"),
                   .at_ms = ms_of(side, "DateTime"),
                   .source = text_of(side, "SourceId"),
                   .region = text_of(side, "RegionName"),
                   .node = text_of(side, "Node"),
                   .value = {}};
  if (side.contains("Value")) out.value = dumped(side["Value"]);
  out.is_removed = side.contains("Removed") && side["Removed"] == true;
  return out;
}

// Users' data goes to a terminal: no control may reach it, not those above ASCII either (U+0080 to
// U+009F).
std::string printable(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = uint8_t(text[i]);
    const bool is_c1 = c == 0xc2 && i + 1 < text.size() && uint8_t(text[i + 1]) < 0xa0;
    if (is_c1) ++i;
    out += c < 0x20 || c == 0x7f || is_c1 ? '?' : char(c);
  }
  return out;
}

std::string shown(std::string_view value) {
  if (value.size() <= kValueShownMax) return printable(value);
  size_t end = kValueShownMax;
  while (end > 0 && (uint8_t(value[end]) & 0xc0) == 0x80) --end;  // not within a character
  return printable(value.substr(0, end)) + fmt::format("... ({} bytes)", value.size());
}

std::string whose(const ConflictSide& side) {
  if (side.node.empty()) return "source " + printable(side.source);
  return fmt::format("{} ({})", printable(side.region), printable(side.node));
}

json side_json(const ConflictSide& side) {
  json out{{"stamp", side.stamp},   {"at", time_text(side.at_ms)}, {"source", side.source},
           {"region", side.region}, {"node", side.node},           {"removed", side.is_removed}};
  out["value"] = json::parse(side.value.empty() ? "null" : side.value, nullptr, false);
  return out;
}

}  // namespace

Result<ConflictPage> read_conflicts(std::string_view text, std::string_view node) {
  const json said = json::parse(text, nullptr, false);
  const auto wrong = [] { return fail(Code::invalid, "its answer is not a list of conflicts"); };
  if (!said.is_object() || !said.contains("Conflicts") || !said["Conflicts"].is_array())
    return wrong();
  ConflictPage page;
  for (const json& one : said["Conflicts"]) {
    if (!one.is_object()) return wrong();
    Conflict conflict{.noticed_ms = ms_of(one, "NoticedDateTime"),
                      .noticed_by = std::string(node),
                      .table = text_of(one, "TableName"),
                      .key = "{}",
                      .attribute = text_of(one, "Attribute"),
                      .lost = {},
                      .won = {}};
    if (one.contains("Key")) conflict.key = dumped(one["Key"]);
    SL_TRY(conflict.lost, side_of(one, "Lost"));
    SL_TRY(conflict.won, side_of(one, "Won"));
    page.conflicts.push_back(std::move(conflict));
  }
  const auto next = said.find("NextBefore");
  if (next != said.end() && next->is_number_unsigned()) page.next_before = next->get<uint64_t>();
  return page;
}

std::vector<Conflict> join_conflicts(std::vector<Conflict> all, size_t max) {
  // Of one conflict the node that noticed it first speaks.
  std::ranges::stable_sort(all, {}, &Conflict::noticed_ms);
  std::map<std::tuple<std::string, std::string, std::string, std::string, std::string>, bool> seen;
  std::vector<Conflict> out;
  for (Conflict& conflict : all) {
    const bool is_new =
        seen.try_emplace(std::tuple(conflict.table, conflict.key, conflict.attribute,
                                    conflict.lost.stamp, conflict.lost.value))
            .second;
    if (is_new) out.push_back(std::move(conflict));
  }
  std::ranges::reverse(out);
  if (out.size() > max) out.resize(max);
  return out;
}

std::string render(const std::vector<Conflict>& conflicts) {
  if (conflicts.empty()) return "no value has lost a conflict\n";
  std::string out;
  for (const Conflict& conflict : conflicts) {
    out += fmt::format("{}  {} {} {}\n", time_text(conflict.noticed_ms), printable(conflict.table),
                       shown(conflict.key), printable(conflict.attribute));
    const auto side = [&](std::string_view what, const ConflictSide& of) {
      const std::string value = !of.value.empty() ? shown(of.value)
                                : of.is_removed   ? "(removed)"
                                                  : "(see the item)";
      out += fmt::format("  {:<5} {}  by {} at {}\n", what, value, whose(of), time_text(of.at_ms));
    };
    side("lost", conflict.lost);
    side("to", conflict.won);
  }
  return out;
}

std::string render_json(const std::vector<Conflict>& conflicts) {
  json all = json::array();
  for (const Conflict& conflict : conflicts) {
    all.push_back({{"noticed", time_text(conflict.noticed_ms)},
                   {"noticed_by", conflict.noticed_by},
                   {"table", conflict.table},
                   {"key", json::parse(conflict.key, nullptr, false)},
                   {"attribute", conflict.attribute},
                   {"lost", side_json(conflict.lost)},
                   {"won", side_json(conflict.won)}});
  }
  return dumped(json{{"conflicts", all}}) + "\n";
}

std::string time_text(uint64_t unix_ms) {
  using namespace std::chrono;
  const WallTime time{milliseconds(int64_t(unix_ms))};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", int(date.year()),
                     unsigned(date.month()), unsigned(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::optional<uint64_t> parse_time(std::string_view text) {
  using namespace std::chrono;
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd.dddZ";
  if (text.size() != kForm.size()) return std::nullopt;
  std::array<int, 7> numbers{};
  size_t which = 0;
  for (size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] != 'd') {
      if (text[i] != kForm[i]) return std::nullopt;
      ++which;
      continue;
    }
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    numbers[which] = numbers[which] * 10 + (text[i] - '0');
  }
  const auto [y, mo, d, h, mi, s, ms] = numbers;
  const year_month_day date{year(y), month(unsigned(mo)), std::chrono::day(unsigned(d))};
  if (!date.ok() || y < 1970 || h > 23 || mi > 59 || s > 59) return std::nullopt;
  const WallTime time =
      WallTime(sys_days(date)) + hours(h) + minutes(mi) + seconds(s) + milliseconds(ms);
  return sealane::unix_ms(time);
}

}  // namespace sealane::main
