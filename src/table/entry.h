// SPDX-License-Identifier: Apache-2.0
// One entry of a change log: what one request wrote, whole, with where its writer stood. It is what
// replicas ship; the writes of a transaction are one entry and become visible together everywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "table/record.h"
#include "table/stamp.h"

namespace sealane::table {

using TableId = uint64_t;

// How far somebody has read each source's log, and the stamp of the last entry read there.
struct Reach {
  Source source = 0;
  uint64_t position = 0;
  Hlc hlc = 0;
  friend bool operator==(const Reach&, const Reach&) = default;
};

// Sorted by source; absent means 0.
class Vector {
 public:
  auto begin() const { return all_.begin(); }
  auto end() const { return all_.end(); }
  const Reach* find(Source source) const;
  uint64_t position(Source source) const {
    const Reach* r = find(source);
    return r ? r->position : 0;
  }
  Hlc hlc(Source source) const { const Reach* r = find(source); return r ? r->hlc : 0; }
  void set(Reach reach);            // replaces
  void raise(const Reach& reach);   // to the further of both
  void erase(Source source);
  void raise(const Vector& other) { for (const Reach& r : other) raise(r); }
  bool reaches(const Vector& other) const;  // every position of `other` is reached
  bool empty() const { return all_.empty(); }
  size_t size() const { return all_.size(); }
  friend bool operator==(const Vector&, const Vector&) = default;

 private:
  std::vector<Reach> all_;
};

void append_packed(std::string& out, const Vector& vector);
Result<Vector> take_packed_vector(std::string_view& bytes);

// A transaction that is done once, whoever is asked for it again.
struct Once {
  uint64_t token = 0;    // hash of its ClientRequestToken
  uint64_t request = 0;  // hash of what was asked for with it
  friend bool operator==(const Once&, const Once&) = default;
};

struct Entry {
  struct Write {
    TableId table = 0;
    std::string key;  // as encode_key() makes it
    Record delta;
    // The table is not kept where this copy of the log lies: the position counts, the content is
    // elsewhere.
    bool is_blank = false;
    friend bool operator==(const Write&, const Write&) = default;
  };
  Stamp stamp;   // of its writes
  // what the writer had applied of other sources (hlc matters; positions are left out on the wire)
  Vector seen;
  std::vector<Write> writes;
  std::optional<Once> once;
  friend bool operator==(const Entry&, const Entry&) = default;
};

void append_packed(std::string& out, const Entry& entry);
// The same in pieces, for who has no Entry: the head, then each write, then what is done once, if
// it is. Of a write: where in `out` the delta's bytes begin, which are its last.
void begin_packed_entry(std::string& out, const Stamp& stamp, const Vector& seen,
                        size_t write_count);
size_t append_packed_write(std::string& out, TableId table, std::string_view key,
                           const Record& delta);
void append_packed_once(std::string& out, const Once& once);
Result<Entry> take_packed_entry(std::string_view& bytes);

}  // namespace sealane::table
