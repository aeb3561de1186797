// SPDX-License-Identifier: Apache-2.0
// The grammar, the schema that editors use, the document that people read, and the compiler say the
// same.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "plan/plan_text.h"
#include "plan/shape.h"
#include "plan/world.h"

namespace sealane::plan {
namespace {

using Kind = Shape::Kind;

std::string file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Leaf {
  std::string path;  // "regions.NAME.agents[].run"
  const Key* key;
};

// Every key below `shape`, sections before what is in them. What overrides the world's health has
// its keys.
void walk(const Grammar& grammar, const Shape& shape, const std::string& path,
          std::vector<Leaf>& out) {
  switch (shape.kind) {
    case Kind::section:
      for (const Key& key : shape.keys) {
        const std::string here = path + (path.empty() ? "" : ".") + std::string(key.name);
        out.push_back({here, &key});
        const bool seen_above = key.name == "health" && !path.empty();
        if (!seen_above) walk(grammar, key.shape, here, out);
      }
      return;
    case Kind::dictionary:
      return walk(grammar, shape.parts[0], path + ".NAME", out);
    case Kind::list:
      return walk(grammar, shape.parts[0], path + "[]", out);
    case Kind::any:
      for (const Shape& part : shape.parts) walk(grammar, part, path, out);
      return;
    case Kind::named:
      // Members hold members: one round is enough.
      if (!path.ends_with("members[].members[]"))
        walk(grammar, grammar.find(shape.choices[0]), path, out);
      return;
    default:
      return;
  }
}

std::vector<Leaf> keys_of(const Grammar& grammar) {
  std::vector<Leaf> out;
  walk(grammar, grammar.world, "", out);
  return out;
}

Result<std::string> apex_only(std::string_view) {
  return std::string("@ 60 IN SOA ns a 1 2 3 4 5\n@ 60 IN NS ns.else.test.\n");
}

TEST(Schema, the_committed_file_is_what_the_compiler_says) {
  EXPECT_EQ(file("docs/sealane.schema.json"), schema())
      << "write it anew: build/dev/plan_test --gtest_also_run_disabled_tests "
         "--gtest_filter='*write_the_schema'";
}

TEST(Schema, DISABLED_write_the_schema) { std::ofstream("docs/sealane.schema.json") << schema(); }

// docs/WORLD.md has one row for each key: | `path` | default | meaning |
std::string row_of(const Leaf& leaf) {
  if (leaf.key->shape.kind == Kind::unsupported)
    return fmt::format("| `{}` | not supported by this version |", leaf.path);
  const std::string fallback =
      leaf.key->fallback.empty() ? "required" : std::string(leaf.key->fallback);
  const bool words = fallback.starts_with('(') || leaf.key->fallback.empty();
  return fmt::format(
      "| `{}` | {} |", leaf.path,
      words ? fallback
            : "`" + fallback.substr(0, fallback.find(" (")) + "`" +
                  (fallback.contains(" (") ? fallback.substr(fallback.find(" (")) : ""));
}

TEST(Documents, every_key_and_its_default_is_in_the_reference) {
  const Grammar language = grammar();
  const std::string text = file("docs/WORLD.md");
  for (const Leaf& leaf : keys_of(language)) {
    if (leaf.path.starts_with("routing.members[].members[].")) continue;
    EXPECT_NE(text.find("\n" + row_of(leaf) + " "), text.npos)
        << row_of(leaf) << " " << leaf.key->about << " |";
  }
}

TEST(Documents, the_reference_names_no_key_that_is_not_there) {
  const Grammar language = grammar();
  std::set<std::string> known;
  for (const Leaf& leaf : keys_of(language)) known.insert(leaf.path);
  const std::string text = file("docs/WORLD.md");
  size_t rows = 0;
  for (size_t at = text.find("\n| `"); at != text.npos; at = text.find("\n| `", at + 1), ++rows) {
    const std::string path = text.substr(at + 4, text.find('`', at + 4) - at - 4);
    EXPECT_TRUE(known.contains(path)) << path;
  }
  EXPECT_GT(rows, 60u);
}

// ── defaults and effects
// ─────────────────────────────────────────────────────────────────────────────

// A path and a value as YAML in flow style: "a.b", "1" -> "a: { b: 1 }".
std::string nested(std::string_view path, std::string_view value) {
  const size_t dot = path.find('.');
  if (dot == path.npos) return fmt::format("{}: {}", path, value);
  return fmt::format("{}: {{ {} }}", path.substr(0, dot), nested(path.substr(dot + 1), value));
}

constexpr std::string_view kDomain = "domain: a.test\n";
constexpr std::string_view kRegions =
    "regions: { us-east-1: { agents: ['http://127.1.0.1:9001'] }, eu-west-1: }\n";

std::string plan_of(const std::string& yaml) {
  static const Data data = built_in_data(false);
  const auto plan = compile(yaml, "w", apex_only, data);
  EXPECT_TRUE(plan) << yaml << "\n" << (plan ? "" : plan.error().what);
  return plan ? text_of(*plan) : "";
}

// Another value than the default, where the shape alone tells one.
std::string another(const Key& key) {
  const Shape& shape = key.shape;
  switch (shape.kind) {
    case Kind::integer:
      return key.fallback == std::to_string(shape.max) ? std::to_string(shape.min)
                                                       : std::to_string(shape.max);
    case Kind::boolean:
      return key.fallback == "false" ? "true" : "false";
    case Kind::duration:
      return to_text(Duration(shape.max));
    case Kind::bytes:
      return std::to_string(shape.max);
    case Kind::choice:
      return std::string(shape.choices.back());
    default:
      return "";
  }
}

// Keys that need company: a world with and one without the key (or with another value).
const std::map<std::string, std::pair<std::string, std::string>>& in_company() {
  static const std::string d(kDomain), r(kRegions), both = d + r;
  static const std::string rule = both + "edge: { cache: [ { path: /a, ";
  auto region = [](std::string_view keys) {
    return fmt::format("{}regions: {{ us-east-1: {{ agents: ['http://127.1.0.1:9001'], {} }} }}\n",
                       kDomain, keys);
  };
  auto agent = [](std::string_view keys) {
    return fmt::format("{}regions: {{ us-east-1: {{ agents: [ {{ {} }} ] }} }}\n", kDomain, keys);
  };
  auto table = [](std::string_view keys) {
    return fmt::format(
        "{}regions: {{ us-east-1: {{ agents: ['http://127.1.0.1:9001'] }}, eu-west-1: {{ agents: "
        "['http://127.2.0.1:9001'] }} }}\nstate: {{ tables: [ {{ {} }} ] }}\n",
        kDomain, keys);
  };
  static const std::map<std::string, std::pair<std::string, std::string>> kWorlds{
      {"state.tables", {both, table("name: one, key: { id: S }")}},
      {"state.tables[].name",
       {table("name: one, key: { id: S }"), table("name: two, key: { id: S }")}},
      {"state.tables[].key",
       {table("name: one, key: { id: S }"), table("name: one, key: { id: S, at: N }")}},
      {"state.tables[].ttl_attribute",
       {table("name: one, key: { id: S }"), table("name: one, key: { id: S }, ttl_attribute: x")}},
      {"state.tables[].merge",
       {table("name: one, key: { id: S }"), table("name: one, key: { id: S }, merge: item")}},
      {"state.tables[].ack",
       {table("name: one, key: { id: S }"), table("name: one, key: { id: S }, ack: remote")}},
      {"state.tables[].stream",
       {table("name: one, key: { id: S }"), table("name: one, key: { id: S }, stream: new_image")}},
      {"state.tables[].regions",
       {table("name: one, key: { id: S }"),
        table("name: one, key: { id: S }, regions: [us-east-1]")}},
      {"state.enabled", {both, both + "state: { enabled: true }"}},
      {"state.engine",
       {both + "state: {}", both + "state: { engine: dynamodb, endpoint: 'http://a.test' }"}},
      {"state.endpoint",
       {both + "state: { engine: dynamodb, endpoint: 'http://a.test' }",
        both + "state: { engine: dynamodb, endpoint: 'http://b.test' }"}},
      {"state.endpoint_region",
       {both + "state: { engine: dynamodb, endpoint: 'http://a.test' }",
        both +
            "state: { engine: dynamodb, endpoint: 'http://a.test', endpoint_region: us-west-2 }"}},
      {"state.endpoint_keys",
       {both + "state: { engine: dynamodb, endpoint: 'http://a.test' }",
        both + "state: { engine: dynamodb, endpoint: 'http://a.test', endpoint_keys: keys }"}},
      {"state.endpoint_profile",
       {both + "state: { engine: dynamodb, endpoint: 'http://a.test' }",
        both + "state: { engine: dynamodb, endpoint: 'http://a.test', endpoint_profile: b }"}},
      {"control.keys", {both, both + "control: { keys: mine }"}},
      {"domain", {both, "domain: b.test\n" + r}},
      {"regions", {both, d + "regions: { us-west-2: { agents: ['http://127.1.0.1:9001'] } }"}},
      {"regions.NAME.nodes", {region(""), region("nodes: [127.7.0.1]")}},
      {"regions.NAME.agents",
       {both, d + "regions: { us-east-1: { agents: ['http://127.1.0.1:9002'] }, eu-west-1: }\n"}},
      {"regions.NAME.agents[].url", {agent("url: 'http://a.test'"), agent("url: 'http://b.test'")}},
      {"regions.NAME.agents[].run",
       {agent("url: 'http://a.test'"), agent("url: 'http://a.test', run: [x]")}},
      {"regions.NAME.agents[].health",
       {agent("url: 'http://a.test'"), agent("url: 'http://a.test', health: { path: /x }")}},
      {"regions.NAME.at", {region(""), region("at: [1.5, 2]")}},
      {"regions.NAME.clients", {region(""), region("clients: [10.0.0.0/8]")}},
      {"regions.NAME.health", {region(""), region("health: { failures: 9 }")}},
      {"routing.failover", {both, both + "routing: { failover: [eu-west-1, us-east-1] }"}},
      {"routing.weights",
       {both + "routing: { policy: weighted }",
        both + "routing: { policy: weighted, weights: { us-east-1: 5, eu-west-1: 1 } }"}},
      {"routing.members", {both, both + "routing: { members: [ { region: eu-west-1 } ] }"}},
      {"routing.members[].region",
       {both + "routing: { members: [ { region: us-east-1 } ] }",
        both + "routing: { members: [ { region: eu-west-1 } ] }"}},
      {"routing.members[].policy",
       {both + "routing: { members: [ { region: us-east-1, policy: simple, members: [ { region: "
               "us-east-1 } ] } ] }",
        both + "routing: { members: [ { region: us-east-1, policy: failover, members: [ { region: "
               "us-east-1 } ] } ] }"}},
      {"routing.members[].members",
       {both + "routing: { members: [ { region: us-east-1, policy: failover, members: [ { region: "
               "eu-west-1 } ] } ] }",
        both + "routing: { members: [ { region: us-east-1, policy: failover, members: [ { region: "
               "us-east-1 } ] } ] }"}},
      {"routing.members[].weight",
       {both + "routing: { policy: weighted, members: [ { region: us-east-1 } ] }",
        both + "routing: { policy: weighted, members: [ { region: us-east-1, weight: 7 } ] }"}},
      {"routing.ttl_min", {both, both + "routing: { ttl_min: 3s }"}},
      {"routing.when_all_down", {both, both + "routing: { when_all_down: closed }"}},
      {"health.type", {both, both + "health: { type: tcp }"}},
      {"health.path", {both, both + "health: { path: /x }"}},
      {"health.host", {both, both + "health: { host: x.test }"}},
      {"health.search", {both, both + "health: { search: fine }"}},
      {"health.when_all_down", {both, both + "health: { when_all_down: [192.0.2.1] }"}},
      {"edge.session_cookie", {both, both + "edge: { session_cookie: none }"}},
      {"edge.certificate", {both, both + "edge: { certificate: { cert: a, key: b } }"}},
      {"edge.certificate.cert",
       {both + "edge: { certificate: { cert: a, key: b } }",
        both + "edge: { certificate: { cert: c, key: b } }"}},
      {"edge.certificate.key",
       {both + "edge: { certificate: { cert: a, key: b } }",
        both + "edge: { certificate: { cert: a, key: c } }"}},
      {"edge.cache", {both, both + "edge: { cache: [ { path: /a } ] }"}},
      {"edge.cache[].path", {rule + "} ] }", both + "edge: { cache: [ { path: /b } ] }"}},
      {"edge.cache[].mode", {rule + "} ] }", rule + "mode: rfc9111 } ] }"}},
      {"edge.cache[].ttl", {rule + "} ] }", rule + "ttl: { max: 1h } } ] }"}},
      {"edge.cache[].ttl.min",
       {rule + "ttl: { max: 1h } } ] }", rule + "ttl: { min: 1s, max: 1h } } ] }"}},
      {"edge.cache[].ttl.default",
       {rule + "ttl: { max: 1h } } ] }", rule + "ttl: { default: 1s, max: 1h } } ] }"}},
      {"edge.cache[].ttl.max",
       {rule + "ttl: { min: 1s } } ] }", rule + "ttl: { min: 1s, max: 1h } } ] }"}},
      {"edge.cache[].ttl_min_overrides_private",
       {rule + "ttl: { min: 1s } } ] }",
        rule + "ttl: { min: 1s }, ttl_min_overrides_private: true } ] }"}},
      {"zones", {both, both + "zones: [ { name: test, file: x } ]"}},
      {"zones[].name",
       {both + "zones: [ { name: test, file: x } ]",
        both + "zones: [ { name: b.test, file: x } ]"}},
      {"dns.nsid", {both, both + "dns: { nsid: x }"}},
  };
  return kWorlds;
}

TEST(Keys, each_changes_the_plan) {
  const Grammar language = grammar();
  const std::string both = std::string(kDomain) + std::string(kRegions), plain = plan_of(both);
  for (const Leaf& leaf : keys_of(language)) {
    const Kind kind = leaf.key->shape.kind;
    if (kind == Kind::unsupported || leaf.path.starts_with("routing.members[].members[]."))
      continue;
    if (const auto found = in_company().find(leaf.path); found != in_company().end()) {
      EXPECT_NE(plan_of(found->second.first), plan_of(found->second.second)) << leaf.path;
    } else if (kind != Kind::section && leaf.path != "zones[].file") {  // the file: see build_zones
      EXPECT_NE(plain, plan_of(both + nested(leaf.path, another(*leaf.key)))) << leaf.path;
    }
  }
}

TEST(Keys, a_default_written_out_changes_nothing) {
  const Grammar language = grammar();
  const std::string both = std::string(kDomain) + std::string(kRegions), plain = plan_of(both);
  size_t count = 0;
  for (const Leaf& leaf : keys_of(language)) {
    const std::string_view fallback = leaf.key->fallback.substr(0, leaf.key->fallback.find(" ("));
    if (fallback.empty() || fallback.starts_with('(') || leaf.path.contains('[') ||
        leaf.path.contains("NAME"))
      continue;
    EXPECT_EQ(plain, plan_of(both + nested(leaf.path, fallback))) << leaf.path << ": " << fallback;
    ++count;
  }
  EXPECT_GT(count, 30u);
}

}  // namespace
}  // namespace sealane::plan
