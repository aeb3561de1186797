// SPDX-License-Identifier: Apache-2.0
// The parameters of SVCB and HTTPS records (RFC 9460): keys in ascending order, each once, in wire
// form.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/dns/rdata.h"

namespace sealane::wire::dns {

struct SvcKey {
  enum : uint16_t {
    mandatory = 0,
    alpn = 1,
    no_default_alpn = 2,
    port = 3,
    ipv4hint = 4,
    ech = 5,
    ipv6hint = 6
  };
};

struct SvcParam {
  uint16_t key = 0;
  std::string value;  // wire form
};

// "alpn=h2 port=8443" as words of a master file, in any order -> wire form, checked and sorted.
Result<std::string> svc_params_from_text(std::span<const Token> words);
// Wire form -> text; parameters that do not read well are shown as keyN="...".
std::string svc_params_to_text(std::string_view wire);
// Keys ascend strictly, every value has the shape of its key, what is mandatory is there.
Status check_svc_params(std::string_view wire);
// Wire form of these parameters, sorted by key.
std::string write_svc_params(std::vector<SvcParam> params);
// The value of `alpn` for these protocols.
std::string alpn_value(std::span<const std::string_view> protocols);

}  // namespace sealane::wire::dns
