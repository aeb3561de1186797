// SPDX-License-Identifier: Apache-2.0
#include "main/table_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "host/http_get.h"
#include "wire/sigv4.h"

namespace sealane::main {
namespace {

constexpr std::string_view kService = "sealane";

Error refusal(const host::HttpAnswer& answer, std::string_view at) {
  const auto said = nlohmann::json::parse(answer.body, nullptr, false);
  std::string why = fmt::format("status {}", answer.status);
  if (said.is_object()) {
    if (said.contains("__type") && said["__type"].is_string()) {
      const std::string type = said["__type"];
      why = type.substr(type.find('#') + 1);
    }
    if (said.contains("message") && said["message"].is_string()) {
      why += ": " + said["message"].get<std::string>();
    }
  }
  // It is printed: no control of the other side reaches the terminal.
  std::ranges::replace_if(why, [](char c) { return uint8_t(c) < 0x20 || c == 0x7f; }, '?');
  return {answer.status < 500 ? Code::invalid : Code::unavailable,
          fmt::format("{} refuses: {}", at, why)};
}

}  // namespace

Result<std::string> call_tables(const TableCall& call, const wire::AwsKeyring& keys) {
  const auto may = [&](const wire::AwsKey& each) { return each.may(kService, call.access); };
  const auto key = std::ranges::find_if(keys.keys(), may);
  if (key == keys.keys().end()) {
    return fail(
        Code::invalid,
        fmt::format("none of the keys may {} for the service '{}': see sealane_services and "
                    "sealane_access in the keys' file",
                    call.access == wire::Access::read ? "read" : "write", kService));
  }
  const std::string host = call.at.to_string(), body = call.body.dump();
  const std::string target = fmt::format("Sealane_20261122.{}", call.operation);
  constexpr std::string_view kType = "application/x-amz-json-1.0";
  const wire::http::Field fields[] = {
      {"Host", host}, {"Content-Type", kType}, {"X-Amz-Target", target}};
  std::string lines = fmt::format("Content-Type: {}\r\nX-Amz-Target: {}\r\n", kType, target);
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  wire::sigv4::Signer().sign({"POST", "/", fields, body}, *key, {call.region, kService}, now,
                             lines);
  SL_TRY(const host::HttpAnswer answer,
         host::http_post("http://" + host, "/", lines, body, call.timeout));
  if (answer.status != 200) return std::unexpected(refusal(answer, host));
  return answer.body;
}

}  // namespace sealane::main
