// SPDX-License-Identifier: Apache-2.0
#include "host/nats_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "host/files.h"
#include "port/fabric.h"

namespace sealane::host {
namespace {

// A string of the server's configuration language, in which `$` and numbers with units mean
// something outside of quotes.
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return uint8_t(c) >= 0x20 && uint8_t(c) != 0x7f; });
}

Status check(const NatsConfig& config) {
  const auto invalid = [](std::string what) { return fail(Code::invalid, std::move(what)); };
  if (config.region.empty()) return invalid("a nats-server needs the name of its region");
  if (config.listen.port == 0) return invalid("a nats-server needs a port for its nodes");
  if (config.user.empty() || config.password.empty()) {
    return invalid("a nats-server needs a user and a password for its nodes");
  }
  if (!config.remotes.empty() && config.gateway.port == 0) {
    return invalid("a nats-server with other regions needs a port for its gateway");
  }
  const bool has_files =
      !config.ca_file.empty() && !config.cert_file.empty() && !config.key_file.empty();
  if (!has_files && (config.gateway.port != 0 || config.tls_for_nodes)) {
    return invalid("TLS needs a CA, a certificate and a key");
  }
  if (config.monitor.port != 0 && !config.monitor.ip.is_loopback()) {
    return invalid("the monitor of a nats-server asks for no password: loopback only, not " +
                   config.monitor.to_string());
  }
  for (const std::string& text :
       {config.region, config.user, config.password, config.ca_file.string(),
        config.cert_file.string(), config.key_file.string(), config.pid_file.string(),
        config.log_file.string()}) {
    if (!is_printable(text)) return invalid("a control character in the nats-server's settings");
  }
  std::vector<std::string> names{config.region};
  for (const NatsConfig::Remote& remote : config.remotes) {
    if (remote.region.empty() || !is_printable(remote.region) || remote.at.port == 0) {
      return invalid("a region without a name or a port among the nats-server's gateways");
    }
    if (std::ranges::find(names, remote.region) != names.end()) {
      return invalid("the region " + remote.region + " stands twice among the gateways");
    }
    names.push_back(remote.region);
  }
  return {};
}

std::string tls_block(const NatsConfig& config, bool both_sides, std::string_view indent) {
  return fmt::format(
      "{0}tls {{\n{0}  cert_file: {1}\n{0}  key_file: {2}\n{0}  ca_file: {3}\n{0}  verify: {4}\n"
      "{0}  timeout: 2\n{0}}}\n",
      indent, in_quotes(config.cert_file.string()), in_quotes(config.key_file.string()),
      in_quotes(config.ca_file.string()), both_sides);
}

// A server dials each URL of a gateway for one second, then it rests for one second; neither can be
// set (nats-server 2.9, solicitGateway). After a cut through which not even a refusal came, a link
// would thus stand up to two seconds after the heal. The same address spelled in other ways, with
// leading zeros before the port, makes it a dial in every second and few rests.
std::string spellings(const SocketAddress& at) {
  constexpr size_t kSpellings = 16;
  const std::string text = at.to_string();
  const size_t port = text.rfind(':') + 1;
  std::string urls;
  for (size_t zeros = 0; zeros < kSpellings; ++zeros) {
    urls += fmt::format("{}\"nats://{}{}{}\"", zeros == 0 ? "" : ", ", text.substr(0, port),
                        std::string(zeros, '0'), text.substr(port));
  }
  return urls;
}

}  // namespace

Result<std::string> nats_config_text(const NatsConfig& config) {
  SL_CHECK(check(config));
  // Twice the largest message: its subject and headers count too.
  static_assert(port::Fabric::kMessageBytesMax <= (1 << 20));
  std::string text = fmt::format(
      "# Written by Sealane; changes are lost.\n"
      "server_name: {}\n"
      "listen: {}\n"
      "max_payload: 2MB\n"
      "max_pending: 64MB\n"
      "# A peer that is silent for two to three seconds is gone.\n"
      "ping_interval: \"1s\"\n"
      "ping_max: 2\n"
      "write_deadline: \"2s\"\n",
      in_quotes(config.region), in_quotes(config.listen.to_string()));
  if (config.monitor.port != 0)
    text += fmt::format("http: {}\n", in_quotes(config.monitor.to_string()));
  if (!config.pid_file.empty())
    text += fmt::format("pid_file: {}\n", in_quotes(config.pid_file.string()));
  if (!config.log_file.empty()) {
    text += fmt::format("log_file: {}\nlogfile_size_limit: 16MB\n",
                        in_quotes(config.log_file.string()));
  }
  text += fmt::format("authorization {{\n  user: {}\n  password: {}\n  timeout: 2\n}}\n",
                      in_quotes(config.user), in_quotes(config.password));
  if (config.tls_for_nodes) text += tls_block(config, false, "");
  if (config.gateway.port == 0) return text;

  text += fmt::format("gateway {{\n  name: {}\n  listen: {}\n  reject_unknown_cluster: true\n",
                      in_quotes(config.region), in_quotes(config.gateway.to_string()));
  text += tls_block(config, true, "  ");
  text += "  gateways: [\n";
  for (const NatsConfig::Remote& remote : config.remotes) {
    text += fmt::format("    {{ name: {}, urls: [{}] }}\n", in_quotes(remote.region),
                        spellings(remote.at));
  }
  return text + "  ]\n}\n";
}

Status write_nats_config(const NatsConfig& config, const std::filesystem::path& file) {
  SL_TRY(const std::string text, nats_config_text(config));
  return write_file(file, text, 0600);
}

}  // namespace sealane::host
