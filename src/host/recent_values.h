// SPDX-License-Identifier: Apache-2.0
// Values that were read or written of late, whole, in the cache that holds the store's blocks too:
// one bound for both. Who writes an item again, or reads what was just written, is spared the way
// through memtables, filters and blocks. Belongs to one lane.
#pragma once

#include <rocksdb/cache.h>

#include <memory>
#include <string>
#include <string_view>

namespace sealane::host {

class RecentValues {
 public:
  static constexpr size_t kValueBytesMax = 32 << 10;  // larger ones would push out too many others

  explicit RecentValues(std::shared_ptr<rocksdb::Cache> cache);

  // False: not known. Otherwise `value` is what keep() was last given for the key.
  bool find(std::string_view key, std::string& value);
  void keep(std::string_view key, std::string_view value);
  void forget(std::string_view key);
  void forget_all();

 private:
  rocksdb::Slice place_of(std::string_view key);

  const std::shared_ptr<rocksdb::Cache> cache_;
  std::string place_;  // in the cache: a number that is ours, then the key
};

}  // namespace sealane::host
