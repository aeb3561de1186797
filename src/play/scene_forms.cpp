// SPDX-License-Identifier: Apache-2.0
#include "play/scene_forms.h"

#include <charconv>
#include <utility>

namespace sealane::play {
namespace {

using Captures = std::vector<Capture>;
using Kind = Expectation::Kind;

Name name_of(const Capture& capture) { return {capture.text, capture.at}; }

// ── faults: "at {time} VERB TARGET ..."
// ──────────────────────────────────────────────────────────────

template <Target::Kind K>
Target target_of(const Captures& captures, size_t& next) {
  Target target;
  target.kind = K;
  if (K == Target::Kind::everybody) return target;
  const Capture& capture = captures[next++];
  if (K == Target::Kind::node || K == Target::Kind::agent) {
    target.address = capture.address;
  } else {
    target.region = name_of(capture);
  }
  return target;
}

template <Verb V, Target::Kind A, Target::Kind B, bool OneWay>
void build_fault(Scene& scene, const Captures& captures, Position at, std::string_view) {
  Fault fault;
  fault.at = at;
  fault.verb = V;
  fault.one_way = OneWay;
  fault.when = captures[0].duration;
  size_t next = 1;
  fault.target = target_of<A>(captures, next);
  if (V == Verb::cut || V == Verb::slow || V == Verb::lossy)
    fault.other = target_of<B>(captures, next);
  if (next < captures.size()) {
    const Capture& last = captures[next];
    fault.amount = last.duration;
    fault.share = last.number / 100;
    if (V == Verb::brownout) fault.status = uint16_t(last.number);
  }
  scene.faults.push_back(std::move(fault));
}

// What stands for a target in a pattern.
constexpr const char* kTargetWords[] = {"{region}",    "nodes of {region}", "agents of {region}",
                                        "node {node}", "agent {agent}",     "everybody"};

template <Verb V, Target::Kind A, Target::Kind B = Target::Kind::everybody, bool OneWay = false>
void add_fault(std::vector<Form>& out, std::string pattern) {
  const auto put = [&](const char* hole, Target::Kind kind) {
    const size_t at = pattern.find(hole);
    if (at != std::string::npos) pattern.replace(at, 3, kTargetWords[size_t(kind)]);
  };
  put("<A>", A);
  put("<B>", B);
  out.push_back({"at {time} " + pattern, build_fault<V, A, B, OneWay>, {}});
}

template <Verb V>
void add_target_fault(std::vector<Form>& out, const char* pattern) {
  add_fault<V, Target::Kind::region>(out, pattern);
  add_fault<V, Target::Kind::nodes>(out, pattern);
  add_fault<V, Target::Kind::agents>(out, pattern);
  add_fault<V, Target::Kind::node>(out, pattern);
  add_fault<V, Target::Kind::agent>(out, pattern);
}

template <Verb V>
void add_agents_fault(std::vector<Form>& out, const char* pattern) {
  add_fault<V, Target::Kind::agents>(out, pattern);
  add_fault<V, Target::Kind::agent>(out, pattern);
}

template <Verb V, bool OneWay = false>
void add_way_fault(std::vector<Form>& out, const char* pattern) {
  using enum Target::Kind;
  add_fault<V, region, region, OneWay>(out, pattern);
  add_fault<V, region, everybody, OneWay>(out, pattern);
  add_fault<V, node, region, OneWay>(out, pattern);
  add_fault<V, node, node, OneWay>(out, pattern);
  add_fault<V, node, everybody, OneWay>(out, pattern);
}

// ── the rest
// ─────────────────────────────────────────────────────────────────────────────────────────

template <Users::Action A>
void build_users(Scene& scene, const Captures& c, Position at, std::string_view) {
  scene.users.push_back({at, name_of(c[0]), c[1].number, A, c[2].text});
}

Expectation& expect(Scene& scene, Kind kind, Position at, std::string_view line) {
  Expectation made;
  made.at = at;
  made.text = line;
  made.kind = kind;
  return scene.expectations.emplace_back(std::move(made));
}

// expect by {time} dns near {region} answers {region} [via {region}]
void build_dns_answers(Scene& scene, const Captures& c, Position at, std::string_view line) {
  Expectation& e = expect(scene, Kind::dns_answers, at, line);
  e.to = c[0].duration;
  e.near = name_of(c[1]);
  e.region = name_of(c[2]);
  if (c.size() > 3) e.via = name_of(c[3]);
}

template <Kind K>
void build_seen(Scene& scene, const Captures& c, Position at, std::string_view line) {
  Expectation& e = expect(scene, K, at, line);
  e.region = name_of(c[0]);
  if (c.size() > 1) e.within = c[1].duration;
  if (c.size() > 2) e.from = c[2].duration;
}

template <bool OnlyRepeatable>
void build_failed(Scene& scene, const Captures& c, Position at, std::string_view line) {
  Expectation& e = expect(scene, Kind::failed_at_most, at, line);
  e.count = c.empty() ? 0 : uint64_t(c[0].number);
  e.only_repeatable = OnlyRepeatable;
}

std::vector<Form> make_forms() {
  std::vector<Form> out;
  const auto add = [&](const char* pattern, auto build) { out.push_back({pattern, build, {}}); };
  add("title {rest}",
      [](Scene& s, const Captures& c, Position, std::string_view) { s.title = c[0].text; });
  add("world {path}", [](Scene& s, const Captures& c, Position at, std::string_view) {
    s.world_file = c[0].text;
    s.world_at = at;
  });
  add("lasts {time}",
      [](Scene& s, const Captures& c, Position, std::string_view) { s.lasts = c[0].duration; });
  add("agents think {time}",
      [](Scene& s, const Captures& c, Position, std::string_view) { s.think = c[0].duration; });
  add("users near {region} {rate} per second get {path}", build_users<Users::Action::get>);
  add("users near {region} {rate} per second post {path}", build_users<Users::Action::post>);
  add("users near {region} {rate} per second stream {path}", build_users<Users::Action::stream>);

  add_target_fault<Verb::kill>(out, "kill <A>");
  add_target_fault<Verb::power_off>(out, "power_off <A>");
  add_target_fault<Verb::start>(out, "start <A>");
  add_target_fault<Verb::freeze>(out, "freeze <A>");
  add_target_fault<Verb::thaw>(out, "thaw <A>");
  add_target_fault<Verb::clock>(out, "clock <A> {jump}");
  add_agents_fault<Verb::brownout>(out, "brownout <A> {status}");
  add_agents_fault<Verb::recover>(out, "recover <A>");
  add_agents_fault<Verb::think>(out, "think <A> {time}");
  add_way_fault<Verb::cut>(out, "cut <A> from <B>");
  add_way_fault<Verb::cut, true>(out, "cut <A> to <B>");
  add_way_fault<Verb::slow>(out, "slow <A> from <B> {time}");
  add_way_fault<Verb::lossy>(out, "lossy <A> from <B> {percent}");
  add_fault<Verb::heal, Target::Kind::everybody>(out, "heal <A>");

  add("expect by {time} dns near {region} answers {region}", build_dns_answers);
  add("expect by {time} dns near {region} answers {region} via {region}", build_dns_answers);
  add("expect from {time} to {time} dns near {region} answers nothing",
      [](Scene& s, const Captures& c, Position at, std::string_view line) {
        Expectation& e = expect(s, Kind::dns_silent, at, line);
        e.from = c[0].duration, e.to = c[1].duration, e.near = name_of(c[2]);
      });
  add("expect from {time} to {time} {region} gets {percent} to {percent} near {region}",
      [](Scene& s, const Captures& c, Position at, std::string_view line) {
        Expectation& e = expect(s, Kind::share, at, line);
        e.from = c[0].duration, e.to = c[1].duration, e.region = name_of(c[2]);
        e.low = c[3].number / 100, e.high = c[4].number / 100, e.near = name_of(c[5]);
      });
  add("expect {region} seen down within {time} of {time}", build_seen<Kind::seen_down>);
  add("expect {region} seen up within {time} of {time}", build_seen<Kind::seen_up>);
  add("expect {region} never seen down", build_seen<Kind::never_down>);
  add("expect {region} never seen down before {time}",
      [](Scene& s, const Captures& c, Position at, std::string_view line) {
        Expectation& e = expect(s, Kind::never_down, at, line);
        e.region = name_of(c[0]), e.to = c[1].duration;
      });
  add("expect at most {count} flips of {region}",
      [](Scene& s, const Captures& c, Position at, std::string_view line) {
        Expectation& e = expect(s, Kind::flips_at_most, at, line);
        e.count = uint64_t(c[0].number), e.region = name_of(c[1]);
      });
  add("expect no failed requests", build_failed<false>);
  add("expect no failed repeatable requests", build_failed<true>);
  add("expect at most {count} failed requests", build_failed<false>);
  add("expect at most {count} failed repeatable requests", build_failed<true>);
  add("expect every request answered within {time}",
      [](Scene& s, const Captures& c, Position at, std::string_view line) {
        expect(s, Kind::answered_within, at, line).within = c[0].duration;
      });

  for (Form& form : out) {
    size_t begin = 0;
    while (begin < form.pattern.size()) {
      const size_t end = std::min(form.pattern.find(' ', begin), form.pattern.size());
      form.words.push_back(form.pattern.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return out;
}

bool number_fits(std::string_view text, double low, double high, double& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && out >= low && out <= high;
}

bool is_region_name(std::string_view word) {
  for (const char c : word) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) return false;
  }
  return !word.empty() && word.front() >= 'a';
}

}  // namespace

const std::vector<Form>& forms() {
  static const std::vector<Form> all = make_forms();
  return all;
}

std::string slot_help(std::string_view slot) {
  if (slot == "{time}") return "a time such as 350ms, 2.5s or 1min";
  if (slot == "{jump}") return "a jump such as +2h or -30s";
  if (slot == "{region}") return "a region of the world";
  if (slot == "{node}") return "the address of a node";
  if (slot == "{agent}") return "an agent's address:port";
  if (slot == "{count}") return "a count";
  if (slot == "{rate}") return "a rate above 0, at most 10000";
  if (slot == "{percent}") return "a percentage such as 20%";
  if (slot == "{status}") return "an HTTP status from 400 to 599";
  if (slot == "{path}") return "a path";
  return "text";
}

bool fits(std::string_view slot, std::string_view word, Capture& out) {
  out.text = word;
  if (slot == "{time}" || slot == "{jump}") {
    const bool is_signed = !word.empty() && (word[0] == '+' || word[0] == '-');
    if (is_signed != (slot == "{jump}")) return false;
    const auto duration = parse_duration(is_signed ? word.substr(1) : word);
    if (!duration) return false;
    out.duration = word[0] == '-' ? -*duration : *duration;
    return true;
  }
  if (slot == "{region}") return is_region_name(word);
  if (slot == "{node}") {
    const auto ip = IpAddress::parse(word);
    if (ip) out.address.ip = *ip;
    return ip.has_value();
  }
  if (slot == "{agent}") {
    const auto address = SocketAddress::parse(word);
    if (address) out.address = *address;
    return address.has_value();
  }
  if (slot == "{count}") {
    return number_fits(word, 0, 1e15, out.number) &&
           word.find_first_not_of("0123456789") == word.npos;
  }
  if (slot == "{rate}") return number_fits(word, 0.001, 10000, out.number);
  if (slot == "{status}") return number_fits(word, 400, 599, out.number);
  if (slot == "{percent}") {
    return word.ends_with('%') && number_fits(word.substr(0, word.size() - 1), 0, 100, out.number);
  }
  return !word.empty();  // {path}, {rest}
}

}  // namespace sealane::play
