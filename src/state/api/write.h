// SPDX-License-Identifier: Apache-2.0
// One write, whoever asked for it (PutItem, a batch, a transaction), in the steps in which AWS
// refuses it:
//
//   read_write    shapes and constraints of its members, noted in Mistakes
//   understand    values, sizes, expressions
//   bind_write    the table is there and the key fits it
//   judge         the condition holds, the update can be applied: the delta to commit
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "state/api/api.h"
#include "state/api/members.h"
#include "state/api/parameters.h"
#include "state/engine.h"

namespace sealane::state::api {

struct WriteRequest {
  enum class Kind : uint8_t { put, update, remove, check } kind = Kind::put;
  Members members;
  std::string table_name;
  GivenItem given;               // of put the item, else the key
  bool returns_old_on_failure = false;
  // understand()
  std::optional<table::Condition> condition;
  std::optional<table::Update> update;
  // bind_write()
  const Table* table = nullptr;
  std::string key;

  const table::Item& item() const { return given.item; }
};

// What a write that may go ahead does.
struct Judged {
  table::Record before;                // what was there, as ItemWrite wants it
  std::string before_raw;
  table::Item old_item;                // as it was visible; only when somebody needs it
  table::Item new_item;                // update: the item after it
  std::optional<table::Record> delta;  // none: there is nothing to write
};

WriteRequest read_write(const Members& members, WriteRequest::Kind kind);
// Of a batch: only an item or a key.
WriteRequest read_batch_write(const Members& members, WriteRequest::Kind kind,
                              std::string table_name);
Outcome<void> understand(WriteRequest& write);
Outcome<void> bind_write(const Engine& engine, WriteRequest& write);
// `needs_old`: the old item is wanted afterwards. Of the item of a put that may go ahead only its
// key is left in `write`: the rest is in the delta.
Outcome<Judged> judge(Engine& engine, WriteRequest& write, table::Stamp stamp, bool needs_old);

// The write that was judged, for Engine::commit(). There must be a delta.
ItemWrite to_commit(const WriteRequest& write, Judged& judged);

// Every path that an update touches.
std::vector<table::Path> paths_of(const table::Update& update);

// Commits one write. `written`, if given, gets what the item was and became.
Outcome<void> commit_one(Engine& engine, const WriteRequest& write, Judged& judged, Answer& answer,
                         Written* written);

}  // namespace sealane::state::api
