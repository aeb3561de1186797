// SPDX-License-Identifier: Apache-2.0
// Sees to it that the tables of the plan are there: asks what each Declaration wants asked, one at
// a time, until all are done. While the server is away it tries again, ever more seldom.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "port/lane.h"
#include "state/handoff/caller.h"
#include "state/handoff/declaration.h"

namespace sealane::state {

class Declarer {
 public:
  static constexpr Duration kPauseMin = 250ms, kPauseMax = 10s;

  struct Report {
    std::string name;
    bool is_done = false;
    std::string trouble;  // why it is not; or what is otherwise than declared
  };

  Declarer(port::Lane& lane, Caller& caller);
  // From now on these; what was begun before ends with its present step.
  void declare(const std::vector<table::Table>& tables);
  void stop();
  std::vector<Report> report() const;

 private:
  void step();
  void answered(uint64_t round, const Result<Reply>& reply);
  bool go_on();
  void tell_end(const Declaration& done);

  port::Lane& lane_;
  Caller& caller_;
  std::vector<Declaration> all_;
  size_t at_ = 0;               // the one that is worked on
  uint64_t round_ = 0;          // of declare()
  Duration pause_ = kPauseMin;
  std::string body_;            // of the request that is under way
  bool is_asking_ = false;
  std::string told_trouble_;    // each once in the log
  std::unique_ptr<port::Timer> timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sealane::state
