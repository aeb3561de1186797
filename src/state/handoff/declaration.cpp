// SPDX-License-Identifier: Apache-2.0
#include "state/handoff/declaration.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>

#include "state/api/json_writer.h"
#include "state/handoff/caller.h"

namespace sealane::state {
namespace {

using api::JsonWriter;
using Step = Declaration::Step;

constexpr size_t kDescriptionBytesMax = 1u << 20;

std::string_view type_name(table::Type type) {
  return type == table::Type::N ? "N" : type == table::Type::B ? "B" : "S";
}

std::string_view view_name(table::StreamView view) {
  switch (view) {
    case table::StreamView::keys_only: return "KEYS_ONLY";
    case table::StreamView::new_image: return "NEW_IMAGE";
    case table::StreamView::old_image: return "OLD_IMAGE";
    case table::StreamView::new_and_old_images: return "NEW_AND_OLD_IMAGES";
    case table::StreamView::off: break;
  }
  return "off";
}

// "id S, at N"
std::string key_text(const table::KeySchema& key) {
  std::string text = fmt::format("{} {}", key.hash.name, type_name(key.hash.type));
  if (key.range) text += fmt::format(", {} {}", key.range->name, type_name(key.range->type));
  return text;
}

void write_stream(JsonWriter& json, table::StreamView view) {
  json.key("StreamSpecification").open('{');
  json.key("StreamEnabled").boolean(true);
  json.key("StreamViewType").text(view_name(view));
  json.close('}');
}

// A document that lives as long as this.
struct Document {
  explicit Document(std::string_view text) {
    is_object = text.size() <= kDescriptionBytesMax &&
                !parser.parse(simdjson::padded_string(text)).get(root);
  }
  simdjson::dom::parser parser;
  simdjson::dom::object root;
  bool is_object = false;
};

std::string_view text_of(simdjson::dom::object object, std::string_view name) {
  std::string_view value;
  return object[name].get(value) ? std::string_view{} : value;
}

// The key of a TableDescription, in the words of key_text(); empty: it is none.
std::string described_key(simdjson::dom::object table) {
  simdjson::dom::array schema, definitions;
  if (table["KeySchema"].get(schema) || table["AttributeDefinitions"].get(definitions)) return {};
  std::string text;
  for (const char* kind : {"HASH", "RANGE"}) {
    for (const simdjson::dom::element element : schema) {
      simdjson::dom::object part;
      if (element.get(part) || text_of(part, "KeyType") != kind) continue;
      const std::string_view name = text_of(part, "AttributeName");
      for (const simdjson::dom::element each : definitions) {
        simdjson::dom::object definition;
        if (each.get(definition) || text_of(definition, "AttributeName") != name) continue;
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name,
                            text_of(definition, "AttributeType"));
        break;
      }
    }
  }
  return text;
}

// What a table's stream tells now; "off" when there is none.
std::string_view described_stream(simdjson::dom::object table) {
  simdjson::dom::object stream;
  bool is_enabled = false;
  if (table["StreamSpecification"].get(stream) || stream["StreamEnabled"].get(is_enabled) ||
      !is_enabled)
    return "off";
  return text_of(stream, "StreamViewType");
}

}  // namespace

// ── what is asked ────────────────────────────────────────────────────────────────────────────────

std::string_view Declaration::operation() const {
  switch (step_) {
    case Step::describe: return "DescribeTable";
    case Step::create: return "CreateTable";
    case Step::stream: return "UpdateTable";
    case Step::describe_expiry: return "DescribeTimeToLive";
    case Step::expiry: return "UpdateTimeToLive";
    case Step::done: break;
  }
  return {};
}

std::string Declaration::body() const {
  std::string out;
  JsonWriter json(out);
  json.open('{');
  json.key("TableName").text(wanted_.name);
  if (step_ == Step::create) {
    std::vector<table::KeyAttribute> key{wanted_.key.hash};
    if (wanted_.key.range) key.push_back(*wanted_.key.range);
    json.key("AttributeDefinitions").open('[');
    for (const table::KeyAttribute& attribute : key) {
      json.open('{');
      json.key("AttributeName").text(attribute.name);
      json.key("AttributeType").text(type_name(attribute.type));
      json.close('}');
    }
    json.close(']');
    json.key("KeySchema").open('[');
    for (size_t i = 0; i < key.size(); ++i) {
      json.open('{');
      json.key("AttributeName").text(key[i].name);
      json.key("KeyType").text(i == 0 ? "HASH" : "RANGE");
      json.close('}');
    }
    json.close(']');
    json.key("BillingMode").text("PAY_PER_REQUEST");
  }
  if ((step_ == Step::create || step_ == Step::stream) &&
      wanted_.stream != table::StreamView::off) {
    write_stream(json, wanted_.stream);
  }
  if (step_ == Step::expiry) {
    json.key("TimeToLiveSpecification").open('{');
    json.key("AttributeName").text(wanted_.ttl_attribute);
    json.key("Enabled").boolean(true);
    json.close('}');
  }
  json.close('}');
  return out;
}

// ── what is answered ─────────────────────────────────────────────────────────────────────────────

void Declaration::failed(std::string_view why) { wait(std::string(why)); }

void Declaration::answered(uint16_t status, std::string_view body) {
  if (step_ == Step::done) return;
  if (status != 200) return refused(status, body);
  switch (step_) {
    case Step::describe: return described(body);
    case Step::create:
      was_created_ = true;
      return go(Step::describe);
    case Step::stream: return go(Step::describe);
    case Step::describe_expiry: return described_expiry(body);
    case Step::expiry:
    case Step::done: return go(Step::done);
  }
}

void Declaration::described(std::string_view body) {
  const Document document(body);
  simdjson::dom::object table;
  if (!document.is_object || document.root["Table"].get(table))
    return wait("DescribeTable gave no description");
  const std::string key = described_key(table);
  if (key.empty()) return wait("DescribeTable told no key");
  if (key != key_text(wanted_.key)) {
    differs(
        fmt::format("the table {} has the key ({}) at the endpoint and ({}) in the world: name "
                    "another table, or write the "
                    "key that is there; what is in it is not touched",
                    wanted_.name, key, key_text(wanted_.key)));
    return go(Step::done);
  }
  if (const std::string_view now = text_of(table, "TableStatus"); now != "ACTIVE") {
    return wait(fmt::format("it is {}", now));
  }
  const std::string_view stream = described_stream(table);
  const bool wants_stream = wanted_.stream != table::StreamView::off;
  if (wants_stream && stream == "off") return go(Step::stream);
  if (wants_stream && stream != view_name(wanted_.stream)) {
    differs(
        fmt::format("the stream of the table {} tells {} at the endpoint and {} in the world: a "
                    "stream cannot be changed, "
                    "turn it off there or write what is there",
                    wanted_.name, stream, view_name(wanted_.stream)));
  }
  go(wanted_.ttl_attribute.empty() ? Step::done : Step::describe_expiry);
}

void Declaration::described_expiry(std::string_view body) {
  const Document document(body);
  simdjson::dom::object description;
  if (!document.is_object || document.root["TimeToLiveDescription"].get(description)) {
    return wait("DescribeTimeToLive gave no description");
  }
  const std::string_view now = text_of(description, "TimeToLiveStatus"),
                         attribute = text_of(description, "AttributeName");
  if (now == "DISABLED") return go(Step::expiry);
  if (now == "DISABLING") return wait("its expiry is being turned off");
  if (attribute != wanted_.ttl_attribute) {
    differs(
        fmt::format("items of the table {} expire by {} at the endpoint and by {} in the world: "
                    "turn the one off there, or "
                    "write it",
                    wanted_.name, attribute, wanted_.ttl_attribute));
  }
  go(Step::done);
}

void Declaration::refused(uint16_t status, std::string_view body) {
  const AwsError error = aws_error_of(body);
  if (step_ == Step::describe && error.type == "ResourceNotFoundException") return go(Step::create);
  // Another node was quicker, or the table is being changed: look again.
  if (error.type == "ResourceInUseException") {
    go(Step::describe);
    return wait("it is in use");
  }
  const bool is_of_expiry = step_ == Step::describe_expiry || step_ == Step::expiry;
  if (is_of_expiry && (error.type == "UnknownOperationException" || status == 501)) {
    differs(
        fmt::format("the server at the endpoint does not expire items: those of the table {} stay "
                    "when their {} has come",
                    wanted_.name, wanted_.ttl_attribute));
    return go(Step::done);
  }
  // "TimeToLive is already enabled", by another node.
  if (step_ == Step::expiry && error.type == "ValidationException") {
    go(Step::describe_expiry);
    return wait(error.message);
  }
  wait(fmt::format("{}: {} {}: {}", operation(), status, error.type, error.message));
}

}  // namespace sealane::state
