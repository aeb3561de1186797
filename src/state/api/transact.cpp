// SPDX-License-Identifier: Apache-2.0
// TransactWriteItems and TransactGetItems. One lane does all work, so a transaction is only: judge
// every part, and commit all of them in one batch or none. Other regions see it whole too, for it
// is one entry of the change log.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <optional>
#include <set>

#include "base/hash.h"
#include "state/api/capacity.h"
#include "state/api/json_writer.h"
#include "state/api/keys.h"
#include "state/api/operations.h"
#include "state/api/outcome.h"
#include "state/api/write.h"
#include "table/record.h"
#include "table/size.h"

namespace sealane::state::api {
namespace {

using Kind = WriteRequest::Kind;

constexpr size_t kPartsMax = 100;
constexpr size_t kTransactionBytesMax = 4 << 20;

constexpr std::string_view kExpressions[] = {"ProjectionExpression"};

// ── reasons ──

struct Reason {
  std::string_view code = "None";
  std::string message;
  std::string members;  // `,"Item":{...}`
};

Reason reason_of(const Failure& failure) {
  if (failure.type == "ConditionalCheckFailedException") {
    return {"ConditionalCheckFailed", failure.message, failure.members};
  }
  return {"ValidationError", failure.message, {}};
}

// Failures that are no reason of one part, but of the whole request.
bool is_of_request(const Failure& failure) {
  return failure.type != "ConditionalCheckFailedException" && failure.type != "ValidationException";
}

std::unexpected<Failure> cancelled(const std::vector<Reason>& reasons) {
  std::vector<std::string_view> codes;
  for (const Reason& reason : reasons) codes.push_back(reason.code);
  auto out = failure(
      "TransactionCanceledException",
      fmt::format(
          "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
          fmt::join(codes, ", ")));
  std::string& json = out.error().members;
  json = ",\"CancellationReasons\":[";
  for (const Reason& reason : reasons) {
    if (json.back() == '}') json += ',';
    json += fmt::format("{{\"Code\":\"{}\"", reason.code);
    if (!reason.message.empty()) {
      json += ",\"Message\":";
      table::append_json_string(json, reason.message);
    }
    json += reason.members;
    json += '}';
  }
  json += ']';
  return out;
}

bool has_reasons(const std::vector<Reason>& reasons) {
  return std::ranges::any_of(reasons, [](const Reason& reason) { return reason.code != "None"; });
}

// ── writes ──

Outcome<std::vector<WriteRequest>> read_writes(const Members& members) {
  constexpr std::pair<std::string_view, Kind> kParts[] = {{"ConditionCheck", Kind::check},
                                                          {"Put", Kind::put},
                                                          {"Delete", Kind::remove},
                                                          {"Update", Kind::update}};
  std::vector<WriteRequest> writes;
  bool has_one_each = true;
  const ListRule rule{.is_required = true, .length_min = 1, .length_max = kPartsMax};
  for (const Members& item : members.structures("TransactItems", "TransactWriteItem", rule)) {
    size_t count = 0;
    for (const auto& [name, kind] : kParts) {
      const auto part = item.structure(name);
      if (!part) continue;
      ++count;
      if (kind == Kind::update) part->text("UpdateExpression", {.is_required = true});
      writes.push_back(read_write(*part, kind));
    }
    has_one_each = has_one_each && count == 1;
  }
  SL_CHECK(members.mistakes().check());
  if (!has_one_each) {
    return validation("TransactItems can only contain one of Check, Put, Update or Delete");
  }
  return writes;
}

// Is the same asked for again? Members of objects and elements of sets have no order: a client may
// say them otherwise the next time. Of anything else the text counts, so 1.0 is not 1.
uint64_t hash_of(const simdjson::dom::element& json, bool is_set = false) {
  uint64_t sum = 0;
  if (simdjson::dom::object object; json.get(object) == simdjson::SUCCESS) {
    for (const auto& [key, value] : object) {
      const bool holds_set = key == "SS" || key == "NS" || key == "BS";
      sum += mix64(fnv1a(key) ^ mix64(hash_of(value, holds_set)));
    }
    return mix64(sum);
  }
  if (simdjson::dom::array array; json.get(array) == simdjson::SUCCESS) {
    for (const simdjson::dom::element each : array) {
      const uint64_t hash = mix64(hash_of(each));
      sum = is_set ? sum + hash : mix64(sum ^ hash);
    }
    return mix64(sum + 1);
  }
  if (std::string_view text; json.get(text) == simdjson::SUCCESS) return fnv1a(text) + 2;
  return fnv1a(simdjson::minify(json)) + 3;
}

std::optional<table::Once> read_once(const Members& members, const simdjson::dom::object& body) {
  const auto token = members.text("ClientRequestToken", {.length_min = 1, .length_max = 36});
  simdjson::dom::element items;
  if (!token || body.at_key("TransactItems").get(items) != simdjson::SUCCESS) return std::nullopt;
  constexpr SipKey kEverywhereTheSame{11, 12};  // other nodes are to know the token again
  return table::Once{.token = siphash(kEverywhereTheSame, *token), .request = hash_of(items)};
}

// Bytes of all items that are known before the tables are looked at: of Updates that is the key.
size_t given_bytes(const std::vector<WriteRequest>& writes) {
  size_t bytes = 0;
  for (const WriteRequest& write : writes) bytes += table::size_bytes(write.item());
  return bytes;
}

Outcome<void> check_total_size(size_t bytes) {
  if (bytes <= kTransactionBytesMax) return {};
  return validation("Transaction request cannot exceed 4 MB");
}

// Reads and checks every part. Validation of a part against its table is a reason of that part.
Outcome<std::vector<Reason>> bind_all(const Engine& engine, std::vector<WriteRequest>& writes) {
  std::vector<Reason> reasons(writes.size());
  std::set<std::pair<const Table*, std::string>> seen;
  for (size_t i = 0; i < writes.size(); ++i) {
    if (const auto bound = bind_write(engine, writes[i]); !bound) {
      if (is_of_request(bound.error())) return std::unexpected(bound.error());
      reasons[i] = reason_of(bound.error());
    } else if (!seen.insert({writes[i].table, writes[i].key}).second) {
      return validation("Transaction request cannot include multiple operations on one item");
    }
  }
  return reasons;
}

struct JudgedAll {
  std::vector<ItemWrite> items;
  std::vector<size_t> part_of_item;  // which write an item came from
  table::Ack ack = table::Ack::local;
};

Outcome<JudgedAll> judge_all(Engine& engine, std::vector<WriteRequest>& writes,
                             std::vector<Reason>& reasons) {
  JudgedAll all;
  size_t bytes = given_bytes(writes);
  const table::Stamp stamp = engine.next_stamp();
  for (size_t i = 0; i < writes.size(); ++i) {
    if (reasons[i].code != "None") continue;
    auto judged = judge(engine, writes[i], stamp, false);
    if (!judged) {
      if (is_of_request(judged.error())) return std::unexpected(judged.error());
      reasons[i] = reason_of(judged.error());
    } else if (judged->delta) {
      if (writes[i].kind == Kind::update)
        bytes += table::size_bytes(judged->new_item) - table::size_bytes(writes[i].item());
      all.items.push_back(to_commit(writes[i], *judged));
      all.part_of_item.push_back(i);
      all.ack = table::stricter(all.ack, writes[i].table->ack);
    }
  }
  if (has_reasons(reasons)) return cancelled(reasons);
  SL_CHECK(check_total_size(bytes));
  return all;
}

// A transaction that was done before is answered as if it had been done now, and acknowledged when
// that one is; what it costs is a read.
Answer repeated(const Engine& engine, const std::vector<WriteRequest>& writes,
                const RecentTransactions::Done& done, ReturnCapacity capacity) {
  Answer answer;
  answer.written = {done.source, done.position};
  JsonWriter json(answer.json);
  json.open('{');
  std::map<std::string, Consumed> consumed;
  for (const WriteRequest& write : writes) {
    const Table* table = engine.find_table(write.table_name);
    if (table) answer.ack = table::stricter(answer.ack, table->ack);
    add_read(consumed[write.table_name], nullptr, table::size_bytes(write.item()), true, 2);
  }
  write_all_consumed(json, consumed, capacity);
  json.close('}');
  return answer;
}

}  // namespace

Outcome<Answer> transact_write_items(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const ReturnCapacity capacity = read_return_capacity(members);
  const bool wants_metrics = read_return_collection_metrics(members);
  const auto once = read_once(members, call.body);
  SL_TRY(std::vector<WriteRequest> writes, read_writes(members));
  for (WriteRequest& write : writes) SL_CHECK(understand(write));
  SL_CHECK(check_total_size(given_bytes(writes)));

  if (once) {
    if (const auto* done = call.engine.recent_transactions().find(once->token, call.now_ms)) {
      if (done->once == *once) return repeated(call.engine, writes, *done, capacity);
      return failure("IdempotentParameterMismatchException",
                     "Cannot reuse an idempotent token with different parameters within the "
                     "idempotency window");
    }
  }
  SL_TRY(std::vector<Reason> reasons, bind_all(call.engine, writes));
  SL_TRY(JudgedAll judged, judge_all(call.engine, writes, reasons));

  Answer answer;
  answer.ack = judged.ack;
  std::vector<Written> written;
  if (!judged.items.empty() || once) {
    SL_TRY(answer.written, lift(call.engine.commit(
                               judged.items, capacity == ReturnCapacity::none ? nullptr : &written,
                               once ? &*once : nullptr)));
  }

  JsonWriter json(answer.json);
  json.open('{');
  std::map<std::string, Consumed> consumed;
  for (size_t i = 0; i < written.size(); ++i) {
    const WriteRequest& write = writes[judged.part_of_item[i]];
    add_write(consumed[write.table_name], *write.table, written[i], 2);
  }
  write_all_consumed(json, consumed, capacity);
  if (wants_metrics) {
    std::map<std::string, std::string> metrics;
    for (const WriteRequest& write : writes) {
      if (!has_collections(*write.table)) continue;
      std::string& of_table = metrics[write.table_name];
      if (!of_table.empty()) of_table += ',';
      JsonWriter each(of_table);
      write_collection_metrics(each, *write.table, write.item());
    }
    json.key("ItemCollectionMetrics").open('{');
    for (const auto& [table, each] : metrics) json.key(table).raw("[" + each + "]");
    json.close('}');
  }
  json.close('}');
  return answer;
}

// ── reads ────────────────────────────────────────────────────────────────────────────────────────

namespace {

struct Get {
  std::string table_name;
  GivenItem given;
  Members members;
  std::optional<table::Projection> projection;
  const Table* table = nullptr;
  std::string key;
};

Outcome<std::vector<Get>> read_gets(const Members& members) {
  std::vector<Get> gets;
  const ListRule rule{.is_required = true, .length_min = 1, .length_max = kPartsMax};
  for (const Members& item : members.structures("TransactItems", "TransactGetItem", rule)) {
    const auto get = item.structure("Get", true);
    if (!get) continue;
    check_shapes(*get, {kExpressions, {}});
    std::string name = read_table_name(*get);
    gets.push_back(
        {.table_name = std::move(name), .given = read_item(*get, "Key"), .members = *get});
  }
  SL_CHECK(members.mistakes().check());
  return gets;
}

Outcome<void> understand(Get& get) {
  SL_CHECK(check_expression_kinds(get.members, {kExpressions, {}}));
  SL_CHECK(get.given.check());
  SL_TRY(table::Placeholders placeholders, read_placeholders(get.members));
  SL_TRY(get.projection, read_projection(get.members, placeholders));
  return lift(placeholders.check_all_used());
}

Outcome<void> bind(const Engine& engine, Get& get) {
  SL_TRY(get.table, find_table(engine, get.table_name));
  SL_TRY(get.key, check_key(get.given.item, *get.table));
  if (get.projection) return check_paths(*get.projection, *get.table);
  return {};
}

}  // namespace

Outcome<Answer> transact_get_items(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const ReturnCapacity capacity = read_return_capacity(members);
  SL_TRY(std::vector<Get> gets, read_gets(members));
  for (Get& get : gets) SL_CHECK(understand(get));
  std::vector<Reason> reasons(gets.size());
  std::set<std::pair<const Table*, std::string>> seen;
  for (size_t i = 0; i < gets.size(); ++i) {
    if (const auto bound = bind(call.engine, gets[i]); !bound) {
      if (is_of_request(bound.error())) return std::unexpected(bound.error());
      reasons[i] = reason_of(bound.error());
    } else if (!seen.insert({gets[i].table, gets[i].key}).second) {
      return validation("Transaction request cannot include multiple operations on one item");
    }
  }
  if (has_reasons(reasons)) return cancelled(reasons);

  Answer answer;
  JsonWriter json(answer.json);
  std::map<std::string, Consumed> consumed;
  json.open('{');
  json.key("Responses").open('[');
  size_t bytes = 0;
  for (const Get& get : gets) {
    SL_TRY(const table::Record record, lift(call.engine.load(*get.table, get.key)));
    const table::Item item = call.engine.visible(*get.table, record);
    const size_t item_bytes = table::size_bytes(item);
    SL_CHECK(check_total_size(bytes += item_bytes));  // what is projected away counts too
    add_read(consumed[get.table_name], nullptr, item_bytes, true, 2);
    json.open('{');
    if (!item.empty())
      json.key("Item").item(get.projection ? table::project(item, *get.projection) : item);
    json.close('}');
  }
  json.close(']');
  write_all_consumed(json, consumed, capacity);
  json.close('}');
  return answer;
}

}  // namespace sealane::state::api
