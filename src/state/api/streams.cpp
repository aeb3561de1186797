// SPDX-License-Identifier: Apache-2.0
// Streams: what changed in a table, in the order in which this node wrote it. A stream has one
// shard; a node that lost its disk begins another.
//
//   shard      shardId-<when the stream was turned on, ms>-<source>
//   sequence   the engine's, with leading zeros (AWS: at least 21 digits)
//   iterator   base64 of version|table|stream|source|sequence|until: nothing in it is secret, and
//              it survives restarts
#include <fmt/format.h>

#include <charconv>
#include <vector>

#include "state/api/arn.h"
#include "state/api/json_writer.h"
#include "state/api/members.h"
#include "state/api/operations.h"
#include "state/api/outcome.h"
#include "state/api/parameters.h"
#include "table/size.h"

namespace sealane::state::api {
namespace {

constexpr uint64_t kIteratorKeptMs = 15 * 60 * 1000;  // AWS, "GetShardIterator"
constexpr size_t kRecordsMax = 1000;
constexpr size_t kStreamsMax = 100;

struct Iterator {
  std::string table;
  uint64_t stream_started_ms = 0;
  Source source = 0;
  uint64_t sequence = 0;  // of the first record to be read
  uint64_t until_ms = 0;
};

std::string to_text(const Iterator& i) {
  std::string out;
  table::append_base64(out, fmt::format("1|{}|{}|{}|{}|{}", i.table, i.stream_started_ms, i.source,
                                        i.sequence, i.until_ms));
  return out;
}

std::optional<uint64_t> number(std::string_view text) {
  uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

std::optional<Iterator> iterator_from(std::string_view text) {
  const auto bytes = table::from_base64(text);
  if (!bytes) return std::nullopt;
  std::vector<std::string_view> parts;
  std::string_view rest = *bytes;
  for (size_t at = rest.find('|'); at != rest.npos; at = rest.find('|')) {
    parts.push_back(rest.substr(0, at));
    rest.remove_prefix(at + 1);
  }
  parts.push_back(rest);
  if (parts.size() != 6 || parts[0] != "1") return std::nullopt;
  const auto started = number(parts[2]), source = number(parts[3]), sequence = number(parts[4]),
             until = number(parts[5]);
  if (!started || !source || *source > UINT32_MAX || !sequence || !until) return std::nullopt;
  return Iterator{std::string(parts[1]), *started, Source(*source), *sequence, *until};
}

std::string sequence_text(uint64_t sequence) { return fmt::format("{:021}", sequence); }
std::string shard_id(const Engine& engine, const Table& table) {
  return fmt::format("shardId-{:020}-{:08x}", table.stream_started_ms, engine.self());
}

bool has_stream(const Table& table) { return table.stream_started_ms != 0; }
bool is_open(const Table& table) { return table.stream != table::StreamView::off; }

Outcome<const Table*> find_stream(const Call& call, std::string_view text) {
  const auto arn = parse_table_arn(text);
  if (!arn || arn->stream.empty()) return validation(fmt::format("Invalid StreamArn: {}", text));
  const Table* table = arn->region == call.region ? call.engine.find_table(arn->table) : nullptr;
  if (!table || !has_stream(*table) || stream_label(table->stream_started_ms) != arn->stream) {
    return failure("ResourceNotFoundException",
                   fmt::format("Requested resource not found: Stream: {} not found", text));
  }
  return table;
}

std::string_view view_name(table::StreamView view) {
  switch (view) {
    case table::StreamView::new_image: return "NEW_IMAGE";
    case table::StreamView::old_image: return "OLD_IMAGE";
    case table::StreamView::keys_only: return "KEYS_ONLY";
    default: return "NEW_AND_OLD_IMAGES";
  }
}

// The first sequence number that is still kept; the next one when there is none.
Outcome<uint64_t> first_sequence(const Engine& engine, const Table& table) {
  uint64_t first = engine.next_stream_sequence();
  SL_CHECK(lift(engine.read_stream(table.id, 0, 1,
                                   [&](const StreamRecord& record) { first = record.sequence; })));
  return first;
}

void write_record(JsonWriter& json, const Call& call, const Table& table,
                  const StreamRecord& record) {
  using Kind = StreamRecord::Kind;
  json.open('{');
  json.key("eventID").text(fmt::format("{:08x}{:024x}", call.engine.self(), record.sequence));
  json.key("eventName")
      .text(record.kind == Kind::insert   ? "INSERT"
            : record.kind == Kind::modify ? "MODIFY"
                                          : "REMOVE");
  json.key("eventVersion").text("1.1");
  json.key("eventSource").text("aws:dynamodb");
  json.key("awsRegion").text(call.region);
  json.key("dynamodb").open('{');
  json.key("ApproximateCreationDateTime").date(record.wall_ms / 1000 * 1000);
  json.key("Keys").item(record.keys);
  if (!record.after.empty()) json.key("NewImage").item(record.after);
  if (!record.before.empty()) json.key("OldImage").item(record.before);
  json.key("SequenceNumber").text(sequence_text(record.sequence));
  json.key("SizeBytes").integer(table::size_bytes(record.keys) + table::size_bytes(record.before) +
                                table::size_bytes(record.after));
  json.key("StreamViewType").text(view_name(table.stream));
  json.close('}');
  if (record.is_expiry) {
    json.key("userIdentity").raw(R"({"PrincipalId":"dynamodb.amazonaws.com","Type":"Service"})");
  }
  json.close('}');
}

}  // namespace

Outcome<Answer> list_streams(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  std::string only;
  if (members.has("TableName")) only = read_table_name(members);
  const size_t limit =
      size_t(members.integer("Limit", {.min = 1, .max = kStreamsMax}).value_or(kStreamsMax));
  const auto start = members.text("ExclusiveStartStreamArn");
  SL_CHECK(mistakes.check());
  std::string after;
  if (start) {
    const auto arn = parse_table_arn(*start);
    if (!arn) return validation(fmt::format("Invalid StreamArn: {}", *start));
    after = arn->table;
  }
  Answer answer;
  JsonWriter json(answer.json);
  json.open('{');
  json.key("Streams").open('[');
  const Table* last = nullptr;
  size_t count = 0;
  bool has_more = false;
  const auto& tables = call.engine.tables();
  for (auto at = after.empty() ? tables.begin() : tables.upper_bound(after); at != tables.end();
       ++at) {
    const Table& table = at->second;
    if (table.is_deleted || !table.is_in(call.region) || !has_stream(table)) continue;
    if (!only.empty() && table.name != only) continue;
    if (count == limit) {
      has_more = true;
      break;
    }
    json.open('{');
    json.key("StreamArn").text(stream_arn(call.region, table));
    json.key("StreamLabel").text(stream_label(table.stream_started_ms));
    json.key("TableName").text(table.name);
    json.close('}');
    last = &table;
    ++count;
  }
  json.close(']');
  if (has_more) json.key("LastEvaluatedStreamArn").text(stream_arn(call.region, *last));
  json.close('}');
  return answer;
}

Outcome<Answer> describe_stream(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const auto arn =
      members.text("StreamArn", {.is_required = true, .length_min = 37, .length_max = 1024});
  const auto after = members.text("ExclusiveStartShardId", {.length_min = 28, .length_max = 65});
  members.integer("Limit", {.min = 1, .max = 100});
  SL_CHECK(mistakes.check());
  SL_TRY(const Table* table, find_stream(call, *arn));
  SL_TRY(const uint64_t first, first_sequence(call.engine, *table));
  const std::string shard = shard_id(call.engine, *table);

  Answer answer;
  JsonWriter json(answer.json);
  json.open('{');
  json.key("StreamDescription").open('{');
  json.key("StreamArn").text(*arn);
  json.key("StreamLabel").text(stream_label(table->stream_started_ms));
  json.key("StreamStatus").text(is_open(*table) ? "ENABLED" : "DISABLED");
  json.key("StreamViewType").text(view_name(table->stream));
  json.key("CreationRequestDateTime").date(table->stream_started_ms);
  json.key("TableName").text(table->name);
  json.key("KeySchema").open('[');
  const auto element = [&](std::string_view name, std::string_view type) {
    json.open('{');
    json.key("AttributeName").text(name);
    json.key("KeyType").text(type);
    json.close('}');
  };
  element(table->key.hash.name, "HASH");
  if (table->key.range) element(table->key.range->name, "RANGE");
  json.close(']');
  json.key("Shards").open('[');
  if (!after || *after < shard) {
    json.open('{');
    json.key("ShardId").text(shard);
    json.key("SequenceNumberRange").open('{');
    json.key("StartingSequenceNumber").text(sequence_text(first));
    if (!is_open(*table)) {
      json.key("EndingSequenceNumber").text(sequence_text(call.engine.next_stream_sequence() - 1));
    }
    json.close('}');
    json.close('}');
  }
  json.close(']');
  json.close('}');
  json.close('}');
  return answer;
}

Outcome<Answer> get_shard_iterator(Call& call) {
  constexpr std::string_view kTypes[] = {"TRIM_HORIZON", "LATEST", "AT_SEQUENCE_NUMBER",
                                         "AFTER_SEQUENCE_NUMBER"};
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const auto arn =
      members.text("StreamArn", {.is_required = true, .length_min = 37, .length_max = 1024});
  const auto shard =
      members.text("ShardId", {.is_required = true, .length_min = 28, .length_max = 65});
  const auto type = members.text("ShardIteratorType", {.is_required = true, .one_of = kTypes});
  const auto sequence = members.text("SequenceNumber", {.length_min = 21, .length_max = 40});
  SL_CHECK(mistakes.check());
  SL_TRY(const Table* table, find_stream(call, *arn));
  if (*shard != shard_id(call.engine, *table)) {
    return failure("ResourceNotFoundException",
                   fmt::format("Requested resource not found: Shard does not exist: {}", *shard));
  }
  Iterator iterator{table->name, table->stream_started_ms, call.engine.self(), 0,
                    call.now_ms + kIteratorKeptMs};
  if (*type == "LATEST") {
    iterator.sequence = call.engine.next_stream_sequence();
  } else if (*type != "TRIM_HORIZON") {
    const auto given = sequence ? number(*sequence) : std::nullopt;
    if (!given)
      return validation(fmt::format("Invalid SequenceNumber: {}", sequence.value_or("null")));
    iterator.sequence = *given + (*type == "AFTER_SEQUENCE_NUMBER");
    SL_TRY(const uint64_t first, first_sequence(call.engine, *table));
    if (*given < first && *given != 0) {
      return failure("TrimmedDataAccessException",
                     "The operation attempted to read past the oldest stream record in a shard");
    }
  }
  Answer answer;
  JsonWriter json(answer.json);
  json.open('{');
  json.key("ShardIterator").text(to_text(iterator));
  json.close('}');
  return answer;
}

Outcome<Answer> get_records(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const auto text =
      members.text("ShardIterator", {.is_required = true, .length_min = 1, .length_max = 2048});
  const size_t limit = size_t(
      members.integer("Limit", {.min = 1, .max = int64_t(kRecordsMax)}).value_or(kRecordsMax));
  SL_CHECK(mistakes.check());
  auto iterator = iterator_from(*text);
  if (!iterator) return validation("Invalid ShardIterator");
  if (iterator->until_ms < call.now_ms)
    return failure("ExpiredIteratorException", "Iterator expired");
  const Table* table = call.engine.find_table(iterator->table);
  if (!table || table->stream_started_ms != iterator->stream_started_ms ||
      iterator->source != call.engine.self()) {
    return failure("ResourceNotFoundException",
                   "Requested resource not found: Shard does not exist");
  }
  // Seen to here: records that other tables wrote in between need not be passed again.
  const uint64_t end = call.engine.next_stream_sequence();
  Answer answer;
  JsonWriter json(answer.json);
  json.open('{');
  json.key("Records").open('[');
  uint64_t next = iterator->sequence;
  size_t count = 0;
  const auto visit = [&](const StreamRecord& record) {
    if (answer.json.size() >= table::kPageBytesMax) return;
    write_record(json, call, *table, record);
    next = record.sequence + 1;
    ++count;
  };
  SL_CHECK(lift(call.engine.read_stream(table->id, iterator->sequence, limit, visit)));
  json.close(']');
  const bool is_at_end = count < limit && answer.json.size() < table::kPageBytesMax;
  if (is_at_end) next = std::max(next, end);
  if (is_open(*table) || !is_at_end) {
    iterator->sequence = next;
    iterator->until_ms = call.now_ms + kIteratorKeptMs;
    json.key("NextShardIterator").text(to_text(*iterator));
  }
  json.close('}');
  return answer;
}

}  // namespace sealane::state::api
