// SPDX-License-Identifier: Apache-2.0
// Any JSON as the body of any operation, on tables with indexes, a stream and expiry: it is
// answered, and the answer is JSON. The first line names the operation.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "sim/disk.h"
#include "sim/world.h"
#include "state/api/api.h"

namespace {

using namespace sealane;

constexpr std::string_view kTable = R"({"TableName":"tab","BillingMode":"PAY_PER_REQUEST",
  "AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"s","AttributeType":"N"},
                          {"AttributeName":"g","AttributeType":"S"}],
  "KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}],
  "GlobalSecondaryIndexes":[{"IndexName":"gsi","Projection":{"ProjectionType":"KEYS_ONLY"},
                             "KeySchema":[{"AttributeName":"g","KeyType":"HASH"}]}],
  "StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"}})";

struct Subject {
  static constexpr int kInputsMax = 1000;  // then it is made anew, so that runs stay alike
  Subject() : node(world.add_node({.name = "a", .addresses = {IpAddress::v4(10, 0, 0, 1)}})) {
    store = std::move(*node.disk().open());
    engine = std::move(*state::Engine::open(*store, node.lane().clock, node.lane().dice,
                                            {.region = "a", .node = "a"}));
    run("CreateTable", kTable);
    run("PutItem", R"({"TableName":"tab","Item":{"p":{"S":"a"},"s":{"N":"1"},"g":{"S":"x"}}})");
  }
  void run(std::string_view name, std::string_view body) {
    for (const state::api::Operation& operation : state::api::operations()) {
      if (operation.name != name) continue;
      simdjson::dom::object object;
      const simdjson::padded_string padded(body);
      if (parser.parse(padded).get(object) != simdjson::SUCCESS) return;
      state::api::Call call{.engine = *engine,
                            .region = "a",
                            .body = object,
                            .now_ms = 1'900'000'000'000,
                            .host = "h"};
      const auto outcome = operation.run(call);
      const std::string json = outcome ? outcome->json : "{\"a\":1" + outcome.error().members + "}";
      SL_ASSERT(json.empty() ||
                check.parse(simdjson::padded_string(json)).error() == simdjson::SUCCESS);
    }
  }
  sim::World world{{}};
  sim::Node& node;
  std::unique_ptr<port::Store> store;
  std::unique_ptr<state::Engine> engine;
  simdjson::dom::parser parser, check;
  int inputs = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static std::unique_ptr<Subject> subject;
  if (!subject || ++subject->inputs > Subject::kInputsMax) subject = std::make_unique<Subject>();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t line = input.find('\n');
  if (line != input.npos) subject->run(input.substr(0, line), input.substr(line + 1));
  return 0;
}
