// SPDX-License-Identifier: Apache-2.0
// A choice in words.
#include <fmt/format.h>

#include <iterator>

#include "steer/policies.h"
#include "steer/steer.h"

namespace sealane::steer {
namespace {

std::string_view words(plan::LatencySource source) {
  switch (source) {
    case plan::LatencySource::sample: return "measured for the client's prefix";
    case plan::LatencySource::region_table: return "from the table between regions";
    case plan::LatencySource::country_model: return "modelled from the client's country";
    case plan::LatencySource::unknown: return "unknown";
  }
  return "?";
}

std::string member_name(const plan::Plan& plan, const plan::Member& member) {
  return member.kind == plan::Member::Kind::endpoint ? plan.endpoint(member.endpoint()).name
                                                     : plan.group(member.group()).name;
}

std::string client_words(const plan::Plan& plan, const view::View& view, const Question& question) {
  const ClientClass client = classify(plan, view, question.client);
  const size_t place_count = plan.geography.places.size();
  size_t place = client.id;
  std::string_view sampled;
  if (client.id >= place_count) {
    const size_t row = client.id - place_count;
    place = row < view.samples->places.size() ? view.samples->places[row] : 0;
    sampled = ", with measured round-trip times";
  }
  return fmt::format("{} ({}{}, as all of its /{})", question.client.to_string(),
                     place < place_count ? plan.geography.places[place].name : "unknown place",
                     sampled, unsigned(client.scope_bits));
}

void append_step(std::string& out, const plan::Plan& plan, const Step& step) {
  const plan::Group& group = plan.group(step.group);
  auto line = [&](std::string_view text) {
    fmt::format_to(std::back_inserter(out), "  {}: {}\n", group.name, text);
  };
  using enum Step::Verdict;
  switch (step.verdict) {
    case all_down_open: return line("nothing is healthy; it fails open, so all count as healthy");
    case all_down_closed: return line("nothing is healthy and it fails closed: no answer");
    case last_resort: return line("nothing is healthy: its last resorts are answered");
    case first:
    case next:
    case zero_weight: break;
  }
  const plan::Member& member = group.members[step.member];
  std::string text = fmt::format("{}, {}", row_of(group.policy).name, member_name(plan, member));
  if (group.policy == plan::Policy::latency) {
    text += step.estimate.source == plan::LatencySource::unknown
                ? ", whose round-trip time is unknown"
                : fmt::format(" is nearest at {:.1f} ms ({})", step.estimate.rtt_us / 1000.0,
                              words(step.estimate.source));
  }
  if (group.policy == plan::Policy::weighted)
    text += fmt::format(" drawn, weight {}", unsigned(member.weight));
  if (step.verdict == zero_weight) text += ", because all with a weight above 0 are down";
  if (step.skipped_count > 0) {
    text += fmt::format("; {} better one{} down", step.skipped_count,
                        step.skipped_count == 1 ? " is" : "s are");
  }
  line(text);
}

}  // namespace

std::string explain(const plan::Plan& plan, const view::View& view, const Question& question,
                    const Choice& choice) {
  std::string out = fmt::format("{} for {}\n", plan.group(question.group).name,
                                client_words(plan, view, question));
  for (const Step& step : choice.why) append_step(out, plan, step);
  for (size_t i = 0; i < choice.order.size(); ++i) {
    const view::EndpointView& seen = view.endpoints[plan::index(choice.order[i])];
    fmt::format_to(std::back_inserter(out), "  {}. {}{}  {}\n", i + 1,
                   plan.endpoint(choice.order[i]).name, i < choice.head_count ? "  [answered]" : "",
                   seen.healthy ? (seen.known ? "healthy" : "healthy until known")
                                : fmt::format("down: {}", view::name(seen.last)));
  }
  if (choice.order.empty()) out += "  no endpoint\n";
  fmt::format_to(std::back_inserter(out), "  ttl {} s, valid for the client's /{}\n", choice.ttl_s,
                 unsigned(choice.scope_bits));
  return out;
}

}  // namespace sealane::steer
