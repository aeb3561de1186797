// SPDX-License-Identifier: Apache-2.0
// The language of world files: every key, what it takes, its default. docs/WORLD.md explains it to
// users and docs/sealane.schema.json to their editors; tests hold all three together.
#include "plan/plan.h"
#include "plan/shape.h"

namespace sealane::plan {
namespace {

using Kind = Shape::Kind;

constexpr std::string_view kNamePattern = "^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\\.?$";
constexpr std::string_view kCookiePattern = "^[A-Za-z0-9_-]{1,64}$";
constexpr std::string_view kUrlPattern = "^https?://[^/?#@]+(/[^?#]*)?$";

Shape of(Kind kind, int64_t min = 0, int64_t max = 0) {
  Shape shape;
  shape.kind = kind, shape.min = min, shape.max = max;
  return shape;
}
Shape text(std::string_view what, std::string_view pattern = "") {
  Shape shape = of(Kind::text);
  shape.what = what, shape.pattern = pattern;
  return shape;
}
Shape integer(int64_t min, int64_t max) { return of(Kind::integer, min, max); }
Shape boolean() { return of(Kind::boolean); }
Shape duration(Duration min, Duration max) { return of(Kind::duration, min.count(), max.count()); }
Shape bytes(uint64_t min, uint64_t max) { return of(Kind::bytes, int64_t(min), int64_t(max)); }
Shape choice(std::vector<std::string_view> choices) {
  Shape shape = of(Kind::choice);
  shape.choices = std::move(choices);
  return shape;
}
Shape list(std::string_view what, int64_t min, int64_t max, Shape item) {
  Shape shape = of(Kind::list, min, max);
  shape.what = what, shape.parts = {std::move(item)};
  return shape;
}
Shape section(std::string_view what, std::vector<Key> keys) {
  Shape shape = of(Kind::section);
  shape.what = what, shape.keys = std::move(keys);
  return shape;
}
Shape dictionary(std::string_view what, int64_t min, int64_t max, Shape value) {
  Shape shape = list(what, min, max, std::move(value));
  shape.kind = Kind::dictionary;
  return shape;
}
Shape any(std::vector<Shape> parts) {
  Shape shape = of(Kind::any);
  shape.parts = std::move(parts);
  return shape;
}
Shape named(std::string_view name) {
  Shape shape = of(Kind::named);
  shape.choices = {name};
  return shape;
}
Shape unsupported() { return of(Kind::unsupported); }
Shape region_name() { return text("the name of a region"); }
Shape policy() { return choice({"simple", "weighted", "latency", "failover", "multivalue"}); }
Shape timeout() { return duration(1ms, 24h); }

Shape when_all_down() {
  return any({choice({"open", "closed"}), list("regions or IP addresses, the last resorts", 1, 64,
                                               text("a region or an IP address"))});
}

std::vector<Key> health_keys() {
  return {
      {"type", "What a probe does.", "http (https for an agent with an https URL)",
       choice({"http", "https", "tcp"})},
      {"path", "The path that a probe asks for; 2xx and 3xx are healthy.", "/health",
       text("a path", "^/")},
      {"host", "Host header and SNI of the probe.", "(the endpoint's own)",
       text("a host name", kNamePattern)},
      {"search", "Text that must stand in the first 5,120 bytes of the body.", "(none)",
       text("a text of 1 to 255 bytes")},
      {"interval", "From the start of one probe to the start of the next.", "100ms",
       duration(10ms, 1h)},
      {"timeout", "For a whole probe.", "100ms (longer for nodes that are far away)",
       duration(1ms, 1min)},
      {"failures", "Failed probes in a row until an endpoint is down.", "3", integer(1, 10)},
      {"successes", "Good probes in a row until it is up again.", "(the same as failures)",
       integer(1, 10)},
      {"inverted", "Healthy when the probe fails.", "false", boolean()},
      {"disabled", "Healthy without probing.", "false", boolean()},
      {"tls_verify", "An https probe checks the certificate.", "false", boolean()},
  };
}

Shape health(bool of_the_world) {
  std::vector<Key> keys = health_keys();
  if (of_the_world) {
    keys.push_back(
        {"when_all_down", "What is answered when nothing is healthy.", "open", when_all_down()});
  }
  return section("the keys of health", std::move(keys));
}

Shape agent() {
  const Shape url = text("a URL as http://192.0.2.1:9001", kUrlPattern);
  return any(
      {url,
       section(
           "url, run, health",
           {{"url", "Where the agent listens.", "", url},
            {"run", "The command that `sealane up` starts and watches.", "(somebody else runs it)",
             list("words: the program and its arguments", 1, 256, text("a word"))},
            {"health", "What is different for this agent.", "(as the region's)", health(false)}})});
}

Shape region() {
  return section("the keys of a region",
                 {
                     {"nodes", "Where Sealane listens in this region.",
                      "[127.k.0.1] (for the k-th region of the file)",
                      list("IP addresses", 1, 256, text("an IP address"))},
                     {"agents", "Who does the work; a region without agents is an edge location.",
                      "[]", list("agents", 0, 1000, agent())},
                     {"at", "Where the region is, degrees north and east.",
                      "(the place of the AWS region of this name)",
                      list("two numbers: latitude, longitude", 2, 2, of(Kind::number, -180, 180))},
                     {"clients", "Addresses of users who are known to be here.",
                      "(127.k.0.0/16 of a loopback node, else the nodes themselves)",
                      list("prefixes", 0, 200'000, text("a prefix as 192.0.2.0/24"))},
                     {"health", "What is different for this region's nodes and agents.",
                      "(as the world's)", health(false)},
                 });
}

Shape member() {
  return section(
      "region or policy and members, and weight",
      {
          {"region", "A region; beside `policy`, where this branch stands for `latency`.", "(none)",
           region_name()},
          {"policy", "How this branch chooses among its members.", "(none)", policy()},
          {"members", "What this branch chooses among.", "(none)",
           list("members", 1, 64, named("member"))},
          {"weight", "Its share under `weighted`.", "1", integer(0, 255)},
      });
}

Shape routing() {
  return section(
      "the keys of routing",
      {
          {"policy", "How the name chooses among the regions.", "latency", policy()},
          {"failover", "Regions in the order of preference.",
           "(latency: none; failover: the regions with agents, in the order of the file)",
           list("regions", 1, kRegionsMax, region_name())},
          {"weights", "The share of each region, for `weighted`.", "(1 each)",
           dictionary("regions and their weights", 1, kRegionsMax, integer(0, 255))},
          {"members", "The general form: branches in branches.", "(every region)",
           list("members", 1, 64, named("member"))},
          {"ttl", "How long an answer may be kept while nothing is about to change.", "5s",
           duration(0s, 168h)},
          {"ttl_min", "How short it may become.", "1s (or ttl, if shorter)", duration(0s, 168h)},
          {"when_all_down", "What is answered when nothing is healthy.", "open (as in health)",
           when_all_down()},
      });
}

Shape cache_rule() {
  const Shape ttl = duration(0s, 87600h);
  return section(
      "path, mode, ttl, ttl_min_overrides_private",
      {
          {"path", "A path; one * at the end matches the rest.", "",
           text("a path as /docs/*", "^/[^*]*\\*?$")},
          {"mode",
           "pass: never stored. clamp: CloudFront's rule with `ttl`. rfc9111: what the origin "
           "says.",
           "(clamp with a ttl, else pass)", choice({"pass", "clamp", "rfc9111"})},
          {"ttl", "Bounds on how long an answer is fresh, for clamp.", "(none)",
           section("min, default, max",
                   {{"min", "At least.", "0s", ttl},
                    {"default", "When the origin says nothing.", "24h (within min and max)", ttl},
                    {"max", "At most.", "8760h (min, if longer)", ttl}})},
          {"ttl_min_overrides_private",
           "Store even what says private or no-store, when min is above 0.", "false", boolean()},
      });
}

Shape edge() {
  const Shape certificate =
      any({choice({"auto"}),
           section("cert and key", {{"cert", "A PEM file, the chain.", "", text("a file name")},
                                    {"key", "A PEM file.", "", text("a file name")}})});
  return section(
      "the keys of edge",
      {
          {"enabled", "Serve HTTP and HTTPS.", "true", boolean()},
          {"viewer_protocol", "What plain HTTP gets.", "allow-all",
           choice({"allow-all", "redirect-to-https", "https-only"})},
          {"certificate", "auto: a private CA of this world.", "auto", certificate},
          {"cache", "Rules, the first match wins; what matches none is passed through.", "[]",
           list("rules", 0, 1000, cache_rule())},
          {"cache_bytes_max", "Of all stored answers.", "256MiB", bytes(0, uint64_t{1} << 40)},
          {"object_bytes_max", "Larger answers are passed, not stored.", "16MiB",
           bytes(0, uint64_t{1} << 30)},
          {"connect_timeout", "To an origin, each attempt.", "500ms", timeout()},
          {"first_byte_timeout", "From the request to the first byte of the answer.", "2m",
           timeout()},
          {"idle_timeout", "Between two reads of an answer.", "1h", timeout()},
          {"client_header_timeout", "For a whole request head.", "10s", timeout()},
          {"client_idle_timeout", "Between two requests of one connection.", "1m", timeout()},
          {"client_write_timeout", "For a client that takes no byte.", "1m", timeout()},
          {"header_bytes_max", "Of one request or answer head.", "32KiB", bytes(1024, 1u << 20)},
          {"body_bytes_max", "Of one request body.", "64MiB", bytes(0, uint64_t{1} << 40)},
          {"connections_max", "Clients of one node.", "100000", integer(1, 10'000'000)},
          {"origin_connections_max", "To one origin, each lane.", "4096", integer(1, 1'000'000)},
          {"attempts_max", "Endpoints tried for one request.", "3", integer(1, 16)},
          {"sse_keepalive", "A comment into a silent event stream; 0s: never.", "15s",
           duration(0s, 24h)},
          {"session_cookie",
           "Tells any region what a browser has seen of the tables; none: no cookie.", "sealane",
           text("a cookie's name, or none", kCookiePattern)},
      });
}

Shape ports() {
  const Shape port = integer(1, 65535);
  return section("dns, http, https, control, metrics, state, nats, gateway",
                 {
                     {"dns", "UDP and TCP.", "5300", port},
                     {"http", "The edge.", "8080", port},
                     {"https", "The edge, with TLS.", "8443", port},
                     {"control", "Control API and console.", "8900", port},
                     {"metrics", "/metrics, /healthz, /readyz.", "8901", port},
                     {"state", "DynamoDB's API.", "8000", port},
                     {"nats", "Messages between the nodes of a region.", "4222", port},
                     {"gateway", "Messages between regions.", "7222", port},
                 });
}

Shape table() {
  const Shape key =
      dictionary("one or two attributes and their types: the partition key, then the sort key", 1,
                 2, choice({"S", "N", "B"}));
  const Shape attribute = text("the name of an attribute");
  return section(
      "name, key, and what else a table has",
      {
          {"name", "As the API calls it.", "",
           text("3 to 255 of a-z A-Z 0-9 _ . -", "^[A-Za-z0-9_.-]{3,255}$")},
          {"key", "The primary key: attributes and their types.", "", key},
          {"ttl_attribute", "Holds the second (since 1970) at which an item is over.", "(none)",
           attribute},
          {"merge",
           "What is kept when two regions write one item at a time: whole items, attributes, or "
           "every append to "
           "a list.",
           "attribute", choice({"item", "attribute", "conversation"})},
          {"ack",
           "A write is acknowledged when this region has it; when another one has it too; or when "
           "another one has it, if one can be reached.",
           "local", choice({"local", "remote", "reachable"})},
          {"stream", "What the table's stream tells of a change.", "off",
           choice({"off", "keys_only", "new_image", "old_image", "new_and_old_images"})},
          {"regions", "Where it is kept.", "(every region with agents)",
           list("regions", 1, kRegionsMax, region_name())},
      });
}

Shape state() {
  const Shape engine = any({choice({"sealane", "dynamodb"})});
  const Shape url = text("a URL as http://192.0.2.1:8000", kUrlPattern);
  return section(
      "the keys of state",
      {
          {"enabled", "Keep tables and serve DynamoDB's API.",
           "(true when the section names tables or an endpoint)", boolean()},
          {"tables", "Made when they are missing; the API may make others.", "[]",
           list("tables", 0, 1000, table())},
          {"engine",
           "sealane: kept by the nodes. dynamodb: handed to another server with DynamoDB's API.",
           "sealane", engine},
          {"endpoint",
           "Where that server listens, with engine dynamodb; {region} in it stands for each "
           "region's name.",
           "(none)", any({url, dictionary("regions and URLs", 1, kRegionsMax, url)})},
          {"endpoint_region", "The region that requests to it are signed for.",
           "(that in AWS's host names, else the node's own)",
           text("a region", "^[a-z0-9_-]{1,64}$")},
          {"endpoint_keys",
           "A file with the key for it, in the form of ~/.aws/credentials, mode 0600; temporary "
           "ones too.",
           "(control.keys)", text("a file name")},
          {"endpoint_profile", "Which key in that file.", "(the profile default)",
           text("the name of a profile")},
          {"durability", "When a write is safe: on the disk, or in the operating system.", "fsync",
           choice({"fsync", "os"})},
          {"stale_after", "How long a request waits for what its session has seen elsewhere.",
           "300ms", duration(0s, 1min)},
          {"clock_ahead_max", "Writes stamped further ahead of this node's clock wait.", "500ms",
           duration(1ms, 1h)},
          {"log_bytes_max", "Of one node's change log that is kept for nodes that are away.",
           "1GiB", bytes(1u << 20, uint64_t{1} << 44)},
          {"cache_bytes_max", "Memory for blocks of the disk, and for items of late.", "32MiB",
           bytes(1u << 20, uint64_t{1} << 40)},
      });
}

Shape control() {
  return section(
      "keys",
      {{"keys",
        "Access keys of the APIs in the form of ~/.aws/credentials, mode 0600; made on first "
        "start.",
        "(sealane-keys in the data directory)", text("a file name")}});
}

Shape dns() {
  return section(
      "responses_per_second_max, nsid",
      {
          {"responses_per_second_max", "To one /24 or /56 and kind of answer; 0: no limit.", "1000",
           integer(0, 1'000'000)},
          {"nsid", "What a node calls itself (RFC 5001).", "(its address)",
           text("a text of 1 to 128 bytes")},
      });
}

Shape zones() {
  return list("zones", 0, 1000,
              section("name and file",
                      {{"name", "The origin of the zone.", "", text("a domain name", kNamePattern)},
                       {"file", "An RFC 1035 master file, from the folder of the world file.", "",
                        text("a file name")}}));
}

}  // namespace

Grammar grammar() {
  return {
      section(
          "the keys of a world",
          {
              {"domain", "The name that users ask for.", "", text("a domain name", kNamePattern)},
              {"regions", "Where Sealane and the agents run.", "",
               dictionary("regions", 1, kRegionsMax, region())},
              {"routing", "How users are spread over the regions.", "(by latency)", routing()},
              {"health", "How endpoints are probed.", "(GET /health each 100ms)", health(true)},
              {"edge", "HTTP and HTTPS: cache and proxy.", "(on, nothing cached)", edge()},
              {"zones", "Names that are served as they stand.", "[]", zones()},
              {"dns", "The name server.", "(as below)", dns()},
              {"ports", "Where a node listens.", "(as below)", ports()},
              {"lanes", "Data threads of a node.", "(one per core)", integer(1, 256)},
              {"accelerator", "", "", unsupported()},
              {"state", "Tables that survive a region, with DynamoDB's API.",
               "(no tables, not served)", state()},
              {"control", "Who may use the APIs.", "(as below)", control()},
          }),
      {{"member", member()}}};
}

}  // namespace sealane::plan
