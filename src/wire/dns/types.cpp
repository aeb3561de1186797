// SPDX-License-Identifier: Apache-2.0
#include "wire/dns/types.h"

#include <charconv>

namespace sealane::wire::dns {
namespace {

struct TypeName {
  uint16_t type;
  std::string_view name;
};
constexpr TypeName kTypeNames[] = {
    {Type::a, "A"},         {Type::ns, "NS"},       {Type::cname, "CNAME"}, {Type::soa, "SOA"},
    {Type::ptr, "PTR"},     {Type::hinfo, "HINFO"}, {Type::mx, "MX"},       {Type::txt, "TXT"},
    {Type::aaaa, "AAAA"},   {Type::srv, "SRV"},     {Type::naptr, "NAPTR"}, {Type::opt, "OPT"},
    {Type::ds, "DS"},       {Type::sshfp, "SSHFP"}, {Type::tlsa, "TLSA"},   {Type::svcb, "SVCB"},
    {Type::https, "HTTPS"}, {Type::ixfr, "IXFR"},   {Type::axfr, "AXFR"},   {Type::any, "ANY"},
    {Type::caa, "CAA"},
};

}  // namespace

const char* name(Rcode rcode) {
  switch (rcode) {
    case Rcode::noerror:
      return "NOERROR";
    case Rcode::formerr:
      return "FORMERR";
    case Rcode::servfail:
      return "SERVFAIL";
    case Rcode::nxdomain:
      return "NXDOMAIN";
    case Rcode::notimp:
      return "NOTIMP";
    case Rcode::refused:
      return "REFUSED";
    case Rcode::badvers:
      return "BADVERS";
    case Rcode::badcookie:
      return "BADCOOKIE";
  }
  return "?";
}

std::string type_name(uint16_t type) {
  for (const TypeName& known : kTypeNames) {
    if (known.type == type) return std::string(known.name);
  }
  return "TYPE" + std::to_string(type);
}

std::optional<uint16_t> type_by_name(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? char(c - 32) : c;
  for (const TypeName& known : kTypeNames) {
    if (known.name == upper) return known.type;
  }
  if (!upper.starts_with("TYPE")) return std::nullopt;
  uint16_t type = 0;
  const char* end = upper.data() + upper.size();
  const auto [stop, error] = std::from_chars(upper.data() + 4, end, type);
  if (error != std::errc() || stop != end) return std::nullopt;
  return type;
}

}  // namespace sealane::wire::dns
