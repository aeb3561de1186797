// SPDX-License-Identifier: Apache-2.0
#include "wire/http/hop_by_hop.h"

namespace sealane::wire::http {
namespace {

bool well_known(std::string_view name) {
  switch (name.size()) {
    case 2: return equal_fold(name, "te");
    case 7: return equal_fold(name, "trailer") || equal_fold(name, "upgrade");
    case 10: return equal_fold(name, "connection") || equal_fold(name, "keep-alive");
    case 14: return equal_fold(name, "http2-settings");
    case 16: return equal_fold(name, "proxy-connection");
    case 17: return equal_fold(name, "transfer-encoding");
    case 18: return equal_fold(name, "proxy-authenticate");
    case 19: return equal_fold(name, "proxy-authorization");
    default: return false;
  }
}

// What a Connection field may not take away: without these the message means something else.
bool end_to_end_always(std::string_view name) {
  for (const std::string_view kept :
       {"host", "content-length", "authorization", "cookie", "cache-control"}) {
    if (equal_fold(name, kept)) return true;
  }
  return false;
}

}  // namespace

HopByHop::HopByHop(std::span<const Field> fields) {
  for (const Field& field : fields) {
    if (field.name.size() != 10 || !equal_fold(field.name, "connection")) continue;
    each_element(field.value, [&](std::string_view name) {
      if (well_known(name) || end_to_end_always(name) || equal_fold(name, "close")) return;
      if (listed_.size() == kNamesMax) {
        overflowed_ = true;
      } else {
        listed_.push_back(name);
      }
    });
  }
}

bool HopByHop::drops(std::string_view name) const {
  if (well_known(name)) return true;
  for (const std::string_view listed : listed_) {
    if (equal_fold(listed, name)) return true;
  }
  return false;
}

}  // namespace sealane::wire::http
