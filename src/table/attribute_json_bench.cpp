// SPDX-License-Identifier: Apache-2.0
// The way of a PutItem and of a GetItem through this room: an item of five attributes and 1 KiB.
#include <benchmark/benchmark.h>

#include "table/attribute_json.h"
#include "table/key.h"
#include "table/packed.h"
#include "table/size.h"

namespace sealane::table {
namespace {

// As an agent's session writes it: keys, a number, a flag, and text with a line end now and then.
std::string sample() {
  std::string text;
  while (text.size() < 900) text += "The lane to the west is open again, and faster.\\n";
  return R"({"pk":{"S":"session#8d1f0a52-77c1"},"sk":{"S":"turn#000042"},)"
         R"("at":{"N":"1763850000123"},"done":{"BOOL":false},"text":{"S":")" +
         text + R"("}})";
}

void parse_json_alone(benchmark::State& state) {
  const simdjson::padded_string json(sample());
  simdjson::dom::parser parser;
  for (auto _ : state) benchmark::DoNotOptimize(parser.parse(json).value_unsafe());
}
BENCHMARK(parse_json_alone);

void item_of_json(benchmark::State& state) {
  const simdjson::padded_string json(sample());
  simdjson::dom::parser parser;
  const auto document = parser.parse(json).value();
  for (auto _ : state) benchmark::DoNotOptimize(item_from_json(document));
}
BENCHMARK(item_of_json);

Item sample_item() {
  simdjson::dom::parser parser;
  return *item_from_json(parser.parse(simdjson::padded_string(sample())).value());
}

void pack(benchmark::State& state) {
  const Item item = sample_item();
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_packed(out, item);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(pack);

void put_item(benchmark::State& state) {
  const simdjson::padded_string json(sample());
  const KeySchema schema{.hash = {"pk", Type::S}, .range = {{"sk", Type::S}}};
  simdjson::dom::parser parser;
  std::string out;
  for (auto _ : state) {
    const auto item = item_from_json(parser.parse(json).value_unsafe());
    benchmark::DoNotOptimize(key_of(*item, schema));
    benchmark::DoNotOptimize(size_bytes(*item));
    out.clear();
    append_packed(out, *item);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(put_item);

std::string packed_sample() {
  std::string out;
  append_packed(out, sample_item());
  return out;
}

void json_of_packed(benchmark::State& state) {
  const std::string packed = packed_sample();
  std::string out;
  for (auto _ : state) {
    out.clear();
    std::string_view rest = packed;
    if (!append_packed_item_as_json(out, rest)) state.SkipWithError("corrupt");
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(json_of_packed);

void item_of_packed(benchmark::State& state) {
  const std::string packed = packed_sample();
  for (auto _ : state) {
    std::string_view rest = packed;
    benchmark::DoNotOptimize(take_packed_item(rest));
  }
}
BENCHMARK(item_of_packed);

void json_of_binary(benchmark::State& state) {
  const std::string bytes(1024, '\x5a');
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_base64(out, bytes);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(json_of_binary);

void binary_of_json(benchmark::State& state) {
  std::string text;
  append_base64(text, std::string(1024, '\x5a'));
  for (auto _ : state) benchmark::DoNotOptimize(from_base64(text));
}
BENCHMARK(binary_of_json);

void add_numbers(benchmark::State& state) {
  const Number a = *Number::parse("1763850000123"), b = *Number::parse("0.25");
  for (auto _ : state) benchmark::DoNotOptimize(Number::add(a, b));
}
BENCHMARK(add_numbers);

}  // namespace
}  // namespace sealane::table
