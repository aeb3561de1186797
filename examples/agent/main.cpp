// SPDX-License-Identifier: Apache-2.0
// sealane-demo-agent: an agent to put Sealane in front of. One thread, one port.
#include <fmt/format.h>
#include <netdb.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>

#include "host/files.h"
#include "host/lane.h"
#include "host/log.h"
#include "host/meter.h"
#include "host/signals.h"
#include "host/tls.h"
#include "server.h"

namespace {

using namespace sealane;
using namespace sealane::agent;

struct Arguments {
  std::string listen = "127.0.0.1:9001", region, delay = "0ms", token_interval = "20ms";
  std::string state, keys, table = "sessions";
  std::string model_url, model = "gpt-4o-mini", key_env = "OPENAI_API_KEY";
};

std::string environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

// "https://host[:port]/v1" as an endpoint for chat completions. Looks the name up: once, at the
// start.
Result<RemoteOptions> parse_model_url(const std::string& url) {
  RemoteOptions options;
  std::string_view rest = url;
  options.tls = rest.starts_with("https://");
  if (!options.tls && !rest.starts_with("http://")) {
    return fail(Code::invalid, "--model-url must begin with http:// or https://, not " + url);
  }
  rest.remove_prefix(options.tls ? 8 : 7);
  options.host = rest.substr(0, rest.find('/'));
  rest.remove_prefix(options.host.size());
  while (rest.ends_with('/')) rest.remove_suffix(1);
  options.path = rest;
  if (!rest.ends_with("/chat/completions")) options.path += "/chat/completions";

  const size_t colon = options.host.rfind(':');
  const std::string name = options.host.substr(0, colon);
  const std::string port =
      colon == std::string::npos ? options.tls ? "443" : "80" : options.host.substr(colon + 1);
  addrinfo hints{}, *found = nullptr;
  hints.ai_family = AF_INET, hints.ai_socktype = SOCK_STREAM;
  if (const int error = ::getaddrinfo(name.c_str(), port.c_str(), &hints, &found); error != 0) {
    return fail(Code::unavailable, fmt::format("cannot resolve {} of --model-url: {}", options.host,
                                               ::gai_strerror(error)));
  }
  const auto* in = reinterpret_cast<const sockaddr_in*>(found->ai_addr);
  options.address = {IpAddress::v4(ntohl(in->sin_addr.s_addr)), ntohs(in->sin_port)};
  ::freeaddrinfo(found);
  return options;
}

// "http://127.1.0.1:8000,http://127.1.0.2:8000": the region's nodes, the nearest first.
Result<std::vector<SocketAddress>> parse_state_urls(std::string_view urls) {
  std::vector<SocketAddress> servers;
  while (!urls.empty()) {
    std::string_view url = urls.substr(0, urls.find(','));
    urls.remove_prefix(std::min(url.size() + 1, urls.size()));
    if (!url.starts_with("http://")) {
      return fail(Code::invalid, fmt::format("--state must be http://ADDRESS:PORT, not {}", url));
    }
    url.remove_prefix(7);
    if (url.ends_with('/')) url.remove_suffix(1);
    SL_TRY(const SocketAddress server, SocketAddress::parse(url));
    servers.push_back(server);
  }
  return servers;
}

// The first key of the file that may write tables. The file may not be there yet: the region's
// nodes make it.
Result<wire::AwsKey> load_key(const std::string& file) {
  SL_TRY(const std::string text, host::read_file(file, wire::AwsKeyring::kTextBytesMax));
  SL_TRY(const auto keys, wire::AwsKeyring::parse(text));
  for (const wire::AwsKey& key : keys.keys()) {
    if (key.may("dynamodb", wire::Access::write)) return key;
  }
  return fail(Code::not_found, "no key in " + file + " may write tables");
}

Status run(const Arguments& arguments) {
  SL_TRY(const SocketAddress at, SocketAddress::parse(arguments.listen));
  const auto delay = parse_duration(arguments.delay),
             interval = parse_duration(arguments.token_interval);
  if (!delay || !interval)
    return fail(Code::invalid, "durations are written like 20ms, 1.5s or 2min");

  host::JsonLog log(arguments.listen);
  host::Registry registry;
  host::Registry::LaneMeter meter(registry);
  std::shared_ptr<const host::Tls> tls;
  std::optional<RemoteOptions> remote;
  if (!arguments.model_url.empty()) {
    SL_TRY(remote, parse_model_url(arguments.model_url));
    remote->model = arguments.model;
    remote->region = arguments.region;
    remote->key = environment(arguments.key_env);
    if (remote->tls) {
      SL_TRY(tls, host::Tls::load({}));
    }
  }
  host::HostLane lane(
      {.index = 0, .seed = host::random_seed(), .tls = tls, .log = log, .meter = meter});
  const auto generator = remote ? remote_generator(lane.lane(), *remote)
                                : local_generator(lane.lane(), arguments.region, *interval);
  SL_TRY(auto state, parse_state_urls(arguments.state));
  std::optional<TableClient> client;
  std::optional<ConversationTable> conversations;
  if (!state.empty()) {
    // Regions on one machine are told apart by addresses: a cut between them must not cut an agent
    // off from its own region.
    client.emplace(
        lane.lane(),
        TableClient::Options{.servers = std::move(state),
                             .from = at.ip.is_loopback() ? at.ip : IpAddress{},
                             .region = arguments.region.empty() ? "us-east-1" : arguments.region,
                             .load_key = [&] { return load_key(arguments.keys); }});
    conversations.emplace(lane.lane(), *client, arguments.table);
  }
  Service service({.region = arguments.region,
                   .model = remote ? arguments.model : "built-in",
                   .delay = *delay,
                   .has_table = conversations.has_value()},
                  host::random_seed());
  Server server(lane.lane(), service, *generator, conversations ? &*conversations : nullptr);
  SL_CHECK(server.listen(at));
  bool draining = false;
  host::Signals signals(lane.loop(), {SIGTERM, SIGINT}, [&](int) {
    if (std::exchange(draining, true)) return lane.loop().stop();  // the second one means it
    log.line(port::Level::info, "draining",
             fmt::format("connections={}", server.connection_count()));
    server.drain([&] { lane.loop().stop(); });
  });
  log.line(
      port::Level::info, "listening",
      fmt::format("at={} region={} conversations={}", at.to_string(), arguments.region,
                  conversations ? fmt::format("table {} at {}", arguments.table, arguments.state)
                                : "memory"));
  lane.loop().run();
  log.line(port::Level::info, "stopped", "");
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  arguments.region = environment("SEALANE_REGION");
  arguments.state = environment("SEALANE_STATE");
  arguments.keys = environment("SEALANE_KEYS");
  CLI::App app{
      "An agent for demos and drills of Sealane: small, local, deterministic; or backed by any "
      "OpenAI-compatible endpoint."};
  app.add_option("--listen", arguments.listen, "address and port")->capture_default_str();
  app.add_option("--region", arguments.region,
                 "the region's name; default: the environment's SEALANE_REGION");
  app.add_option("--state", arguments.state,
                 "where DynamoDB's API is, like http://127.1.0.1:8000, several with commas; "
                 "default: the environment's "
                 "SEALANE_STATE, else conversations stay in memory");
  app.add_option(
      "--keys", arguments.keys,
      "access keys, a file like ~/.aws/credentials; default: the environment's SEALANE_KEYS");
  app.add_option("--table", arguments.table, "of the conversations")->capture_default_str();
  app.add_option("--delay", arguments.delay, "wait before each answer")->capture_default_str();
  app.add_option("--token-interval", arguments.token_interval, "between two streamed tokens")
      ->capture_default_str();
  app.add_option(
      "--model-url", arguments.model_url,
      "OpenAI-compatible endpoint, like http://127.0.0.1:11434/v1; default: the built-in model");
  app.add_option("--model", arguments.model, "the model's name at that endpoint")
      ->capture_default_str();
  app.add_option("--model-key-env", arguments.key_env, "environment variable with its key")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (const Status status = run(arguments); !status) {
    fmt::print(stderr, "sealane-demo-agent: {}\n", status.error().what);
    return status.error().code == Code::invalid ? 2 : 3;
  }
  return 0;
}
