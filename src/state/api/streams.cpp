// SPDX-License-Identifier: Apache-2.0
// Streams: what changed in a table, in the order in which this node wrote it. A stream has one
// shard, this node's; a node that lost its disk begins another. One that was turned off can be read
// for as long as its records are kept.
//
//   shard      shardId-<when the stream was turned on, ms>-<source>
//   sequence   the engine's, with leading zeros (AWS: at least 21 digits)
//   iterator   base64 of version|table|stream|source|sequence|until: nothing in it is secret, and
//              it survives restarts
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>
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
std::string shard_id(const Engine& engine, const Stream& stream) {
  return fmt::format("shardId-{:020}-{:08x}", stream.started_ms, engine.self());
}
std::string arn_of(const Call& call, const Table& table, const Stream& stream) {
  return stream_arn(call.region, table.name, stream.started_ms);
}

struct Found {
  const Table* table = nullptr;
  Stream stream;
};

Outcome<Found> find_stream(const Call& call, std::string_view text) {
  const auto arn = parse_table_arn(text);
  if (!arn || arn->stream.empty()) return validation(fmt::format("Invalid StreamArn: {}", text));
  const Table* table = arn->region == call.region ? call.engine.find_table(arn->table) : nullptr;
  if (table) {
    for (const Stream& stream : call.engine.streams(table->id)) {
      if (stream_label(stream.started_ms) == arn->stream) return Found{table, stream};
    }
  }
  return failure("ResourceNotFoundException",
                 fmt::format("Requested resource not found: Stream: {} not found", text));
}

// What is behind the last record of a stream.
uint64_t end_of(const Engine& engine, const Stream& stream) {
  return std::min(engine.next_stream_sequence(), stream.end);
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
Outcome<uint64_t> first_sequence(const Engine& engine, const Found& found) {
  uint64_t first = end_of(engine, found.stream);
  SL_CHECK(lift(engine.read_stream(found.table->id, found.stream.first, found.stream.end,
                                   [&](const StreamRecord& record) {
                                     first = record.sequence;
                                     return false;
                                   })));
  return first;
}

void write_record(JsonWriter& json, const Call& call, const Stream& stream,
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
  json.key("StreamViewType").text(view_name(stream.view));
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
  std::string after, after_stream;
  if (start) {
    const auto arn = parse_table_arn(*start);
    if (!arn) return validation(fmt::format("Invalid StreamArn: {}", *start));
    after = arn->table;
    after_stream = arn->stream;
  }
  Answer answer;
  JsonWriter json(answer.json);
  json.open('{');
  json.key("Streams").open('[');
  std::string last;
  size_t count = 0;
  bool has_more = false;
  const auto list = [&](const Table& table, const Stream& stream) {
    const std::string label = stream_label(stream.started_ms);
    if (table.name == after && label <= after_stream) return;
    has_more = count == limit;
    if (has_more) return;
    ++count;
    last = arn_of(call, table, stream);
    json.open('{');
    json.key("StreamArn").text(last);
    json.key("StreamLabel").text(label);
    json.key("TableName").text(table.name);
    json.close('}');
  };
  const auto& tables = call.engine.tables();
  for (auto at = tables.lower_bound(after); at != tables.end() && !has_more; ++at) {
    const Table& table = at->second;
    if (table.is_deleted || !table.is_in(call.region)) continue;
    if (!only.empty() && table.name != only) continue;
    for (const Stream& stream : call.engine.streams(table.id)) {
      if (!has_more) list(table, stream);
    }
  }
  json.close(']');
  if (has_more) json.key("LastEvaluatedStreamArn").text(last);
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
  SL_TRY(const Found found, find_stream(call, *arn));
  const auto& [table, stream] = found;
  SL_TRY(const uint64_t first, first_sequence(call.engine, found));
  const std::string shard = shard_id(call.engine, stream);

  Answer answer;
  JsonWriter json(answer.json);
  json.open('{');
  json.key("StreamDescription").open('{');
  json.key("StreamArn").text(*arn);
  json.key("StreamLabel").text(stream_label(stream.started_ms));
  json.key("StreamStatus").text(stream.is_open() ? "ENABLED" : "DISABLED");
  json.key("StreamViewType").text(view_name(stream.view));
  json.key("CreationRequestDateTime").date(stream.started_ms);
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
    if (!stream.is_open())
      json.key("EndingSequenceNumber").text(sequence_text(std::max(first, stream.end - 1)));
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
  SL_TRY(const Found found, find_stream(call, *arn));
  const auto& [table, stream] = found;
  if (*shard != shard_id(call.engine, stream)) {
    return failure("ResourceNotFoundException",
                   fmt::format("Requested resource not found: Shard does not exist: {}", *shard));
  }
  Iterator iterator{table->name, stream.started_ms, call.engine.self(), 0,
                    call.now_ms + kIteratorKeptMs};
  if (*type == "LATEST") {
    iterator.sequence = end_of(call.engine, stream);
  } else if (*type != "TRIM_HORIZON") {
    const auto given = sequence ? number(*sequence) : std::nullopt;
    if (!given)
      return validation(fmt::format("Invalid SequenceNumber: {}", sequence.value_or("null")));
    iterator.sequence = *given + (*type == "AFTER_SEQUENCE_NUMBER");
    SL_TRY(const uint64_t first, first_sequence(call.engine, found));
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
  const auto streams = table ? call.engine.streams(table->id) : std::span<const Stream>();
  const auto at = std::ranges::find(streams, iterator->stream_started_ms, &Stream::started_ms);
  if (at == streams.end() || iterator->source != call.engine.self()) {
    return failure("ResourceNotFoundException",
                   "Requested resource not found: Shard does not exist");
  }
  const Stream stream = *at;
  // Seen to here: records that other tables wrote in between need not be passed again.
  const uint64_t end = end_of(call.engine, stream);
  Answer answer;
  JsonWriter json(answer.json);
  json.open('{');
  json.key("Records").open('[');
  uint64_t next = std::max(iterator->sequence, stream.first);
  size_t count = 0;
  bool is_full = false;
  const auto visit = [&](const StreamRecord& record) {
    write_record(json, call, stream, record);
    next = record.sequence + 1;
    is_full = ++count == limit || answer.json.size() >= table::kPageBytesMax;
    return !is_full;
  };
  SL_CHECK(lift(call.engine.read_stream(table->id, next, stream.end, visit)));
  json.close(']');
  if (!is_full) next = std::max(next, end);
  if (stream.is_open() || is_full) {
    iterator->sequence = next;
    iterator->until_ms = call.now_ms + kIteratorKeptMs;
    json.key("NextShardIterator").text(to_text(*iterator));
  }
  json.close('}');
  return answer;
}

}  // namespace sealane::state::api
