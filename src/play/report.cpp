// SPDX-License-Identifier: Apache-2.0
#include "play/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace sealane::play {

std::string render(const Report& report) {
  std::string out =
      fmt::format("{}  ({}, seed {})\n\n", report.title.empty() ? report.file : report.title,
                  report.file, report.seed);
  for (const Moment& moment : report.story) {
    out += fmt::format("  {:>9.3f}s  {:<28} {}\n", double(moment.when.count()) / 1e9, moment.who,
                       moment.what);
  }
  if (report.story_cut) out += "  (more was left out)\n";
  if (!report.felt.empty()) {
    out += fmt::format("\n  {:<36} {:>8} {:>8} {:>9} {:>9} {:>9} {:>9}\n", "users", "requests",
                       "failed", "repeated", "p50", "p99", "slowest");
  }
  for (const Felt& felt : report.felt) {
    out +=
        fmt::format("  {:<36} {:>8} {:>8} {:>9} {:>9} {:>9} {:>9}\n", felt.who, felt.request_count,
                    felt.failed_count, felt.repeated_count, print_duration(felt.p50),
                    print_duration(felt.p99), print_duration(felt.slowest));
    if (!felt.first_trouble.empty()) out += "    first failure: " + felt.first_trouble + "\n";
    if (felt.unfinished_count > 0)
      out += fmt::format("    NO END: {} requests\n", felt.unfinished_count);
  }
  out += "\n";
  for (const Verdict& verdict : report.verdicts) {
    out += fmt::format("  {}  {}:{}  {}\n          {}\n", verdict.met ? "met   " : "NOT MET",
                       report.file, verdict.at.line, verdict.text, verdict.measured);
  }
  out += fmt::format("\n{}: {} ({} of virtual time, {} events, trace {:016x})\n",
                     report.met ? "good" : "NOT GOOD", report.file, print_duration(report.lasted),
                     report.event_count, report.trace_hash);
  return out;
}

std::string render_json(const Report& report) {
  using nlohmann::json;
  json out{{"file", report.file},
           {"title", report.title},
           {"seed", report.seed},
           {"met", report.met},
           {"trace", fmt::format("{:016x}", report.trace_hash)},
           {"events", report.event_count},
           {"lasted_us", to_us(report.lasted)},
           {"expectations", json::array()},
           {"users", json::array()},
           {"story", json::array()}};
  for (const Verdict& v : report.verdicts) {
    json one{{"line", v.at.line}, {"text", v.text}, {"met", v.met}, {"measured", v.measured}};
    if (v.measured_us >= 0) one["measured_us"] = v.measured_us;
    out["expectations"].push_back(std::move(one));
  }
  for (const Felt& f : report.felt) {
    out["users"].push_back({{"who", f.who},
                            {"requests", f.request_count},
                            {"failed", f.failed_count},
                            {"repeated", f.repeated_count},
                            {"unfinished", f.unfinished_count},
                            {"p50_us", to_us(f.p50)},
                            {"p99_us", to_us(f.p99)},
                            {"slowest_us", to_us(f.slowest)}});
  }
  for (const Moment& m : report.story) {
    out["story"].push_back({{"at_us", to_us(m.when)}, {"who", m.who}, {"what", m.what}});
  }
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace sealane::play
