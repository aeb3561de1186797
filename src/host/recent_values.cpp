// SPDX-License-Identifier: Apache-2.0
#include "host/recent_values.h"

#include <cstdint>
#include <cstring>
#include <new>

namespace sealane::host {
namespace {

constexpr size_t kPrefixBytes = 8;

// An entry of the cache; the bytes follow. It may be larger than they are: see keep().
struct Kept {
  size_t size, capacity;
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
};

void drop(const rocksdb::Slice&, void* kept) { ::operator delete(kept); }

}  // namespace

RecentValues::RecentValues(std::shared_ptr<rocksdb::Cache> cache) : cache_(std::move(cache)) {
  forget_all();
}

// What was kept under the old number is never asked for again, and leaves as it grows old.
void RecentValues::forget_all() {
  const uint64_t number = cache_->NewId();
  place_.assign(reinterpret_cast<const char*>(&number), kPrefixBytes);
}

rocksdb::Slice RecentValues::place_of(std::string_view key) {
  place_.resize(kPrefixBytes);
  place_.append(key);
  return place_;
}

bool RecentValues::find(std::string_view key, std::string& value) {
  rocksdb::Cache::Handle* const handle = cache_->Lookup(place_of(key));
  if (handle == nullptr) return false;
  auto* const kept = static_cast<Kept*>(cache_->Value(handle));
  value.assign(kept->bytes(), kept->size);
  cache_->Release(handle);
  return true;
}

void RecentValues::keep(std::string_view key, std::string_view value) {
  const rocksdb::Slice place = place_of(key);
  if (value.size() > kValueBytesMax) return cache_->Erase(place);
  // Nobody else looks at our entries, so a value that fits takes the place of the old one.
  if (rocksdb::Cache::Handle* const handle = cache_->Lookup(place)) {
    auto* const kept = static_cast<Kept*>(cache_->Value(handle));
    const bool fits = value.size() <= kept->capacity && value.size() >= kept->capacity / 2;
    if (fits) {
      std::memcpy(kept->bytes(), value.data(), value.size());
      kept->size = value.size();
    }
    cache_->Release(handle);
    if (fits) return;
  }
  const size_t bytes = sizeof(Kept) + value.size();
  auto* const kept = new (::operator new(bytes)) Kept{value.size(), value.size()};
  std::memcpy(kept->bytes(), value.data(), value.size());
  (void)cache_->Insert(place, kept, bytes, drop);  // an error drops it, and the old one with it
}

void RecentValues::forget(std::string_view key) { cache_->Erase(place_of(key)); }

}  // namespace sealane::host
