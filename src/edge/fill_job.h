// SPDX-License-Identifier: Apache-2.0
// A cache fill with its fetch: asks the origin on behalf of everyone who waits for the same answer,
// stores it, and tells the readers when they can go on. Lives on when the client that caused it
// leaves.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "cache/fill.h"
#include "cache/policy.h"
#include "edge/fetch.h"

namespace sealane::edge {

class Transaction;

class FillJob final : public FetchSink, public std::enable_shared_from_this<FillJob> {
 public:
  FillJob(Context& context, std::shared_ptr<cache::Fill> fill, cache::Key key, cache::Rule rule,
          std::shared_ptr<const Request> request);

  // Begins the fetch; with a stale answer in the fill it asks whether that still holds.
  void start();
  cache::Fill& fill() { return *fill_; }
  // For the readers' answers.
  const std::string& region() const { return region_; }
  std::string_view timing_line() const { return timing_line_; }
  bool served_stale() const { return served_stale_; }
  const cache::Rule& rule() const { return rule_; }
  cache::Key key() const { return {key_text_, key_hash_}; }

  void add_reader(cache::Fill::ReaderId id, Transaction& reader) { readers_[id] = &reader; }
  void remove_reader(cache::Fill::ReaderId id);
  void reader_moved();

  // A relayed answer to a request that changes things makes what is stored for its target invalid.
  static void on_relayed(Context& context, const Request& request, uint16_t status);

  void on_fetch_head(const wire::http::ResponseHead& head) override;
  void on_fetch_body(std::string_view bytes) override;
  void on_fetch_end() override;
  void on_fetch_failed(const Failure& failure) override;
  void on_fetch_room() override {}

 private:
  cache::Asked asked() const { return {"GET", request_->fields}; }
  void fetch(bool conditional);
  void store(const std::shared_ptr<const cache::Stored>& stored);
  void serve(std::shared_ptr<const cache::Stored> stored);
  bool stand_in();
  void wake();
  void over();

  Context& context_;
  const std::shared_ptr<cache::Fill> fill_;
  const std::string key_text_;
  const uint64_t key_hash_;
  const cache::Rule rule_;
  const std::shared_ptr<const Request> request_;
  std::unique_ptr<Fetch> fetch_;
  std::unordered_map<cache::Fill::ReaderId, Transaction*> readers_;
  std::string region_, timing_line_;
  bool served_stale_ = false, over_ = false, paused_ = false, conditional_ = false;
};

}  // namespace sealane::edge
