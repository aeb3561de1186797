// SPDX-License-Identifier: Apache-2.0
// Making one table of the plan at the server that tables are handed to, as a step machine: which
// operation to ask for next, by what the last ones answered. It only adds: a table that is there
// and is otherwise than declared is told, never changed or removed, but for a stream and an expiry
// that are off.
//
//   describe ─ not there ─► create ─► describe ...
//      │ (CREATING, UPDATING: wait)
//      ├─ the key is another: differs, the end
//      ├─ stream wanted and off ─► stream ─► describe ...
//      └─ expiry wanted ─► describe_expiry ─ off ─► expiry ─► done
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "table/schema.h"

namespace sealane::state {

class Declaration {
 public:
  enum class Step : uint8_t { describe, create, stream, describe_expiry, expiry, done };
  explicit Declaration(table::Table wanted) : wanted_(std::move(wanted)) {}

  Step step() const { return step_; }
  bool is_done() const { return step_ == Step::done; }
  // The server works on it, or something went wrong that may pass: ask again, but not at once.
  bool should_wait() const { return should_wait_; }
  std::string_view operation() const;  // of the present step; not when it is done
  std::string body() const;
  // What came of it. An answer that cannot be read is an error that may pass.
  void answered(uint16_t status, std::string_view body);
  void failed(std::string_view why);   // no answer

  const std::string& name() const { return wanted_.name; }
  // What went wrong with the last step; empty: nothing.
  const std::string& trouble() const { return trouble_; }
  // What is and stays otherwise than declared, and what to do about it.
  const std::vector<std::string>& differences() const { return differences_; }
  bool was_created() const { return was_created_; }

 private:
  void described(std::string_view body);
  void described_expiry(std::string_view body);
  void refused(uint16_t status, std::string_view body);
  void go(Step next) { step_ = next, should_wait_ = false, trouble_.clear(); }
  void wait(std::string why) { should_wait_ = true, trouble_ = std::move(why); }
  void differs(std::string what) { differences_.push_back(std::move(what)); }

  const table::Table wanted_;
  Step step_ = Step::describe;
  bool should_wait_ = false;
  bool was_created_ = false;
  std::string trouble_;
  std::vector<std::string> differences_;
};

}  // namespace sealane::state
