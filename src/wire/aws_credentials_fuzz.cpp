// SPDX-License-Identifier: Apache-2.0
// Any bytes: no crash; what parses is found again under its name, and can be written and read once
// more.
#include <string>

#include "base/result.h"
#include "wire/aws_credentials.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane::wire;
  const auto keys = AwsKeyring::parse({reinterpret_cast<const char*>(data), size});
  if (!keys) return 0;
  std::string again;
  for (const AwsKey& key : keys->keys()) {
    SL_ASSERT(keys->find(key.access_key) == &key);
    again += "[p]\naws_access_key_id = " + key.access_key +
             "\naws_secret_access_key = " + key.secret + "\n";
    if (key.access == Access::read) again += "sealane_access = read\n";
    for (size_t i = 0; i < key.services.size(); ++i) {
      again += (i == 0 ? "sealane_services = " : ", ") + key.services[i];
    }
    again += "\n";
  }
  if (again.size() > AwsKeyring::kTextBytesMax) return 0;
  const auto second = AwsKeyring::parse(again);
  SL_ASSERT(second && second->keys().size() == keys->keys().size());
  for (size_t i = 0; i < keys->keys().size(); ++i) {
    const AwsKey &a = keys->keys()[i], &b = second->keys()[i];
    SL_ASSERT(a.access_key == b.access_key && a.secret == b.secret && a.services == b.services);
    SL_ASSERT(a.access == b.access);
  }
  return 0;
}
