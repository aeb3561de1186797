// SPDX-License-Identifier: Apache-2.0
#include "state/api/table_parameters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "state/api/keys.h"
#include "state/api/outcome.h"

namespace sealane::state::api {
namespace {

using table::Index;
using table::IndexProjection;
using table::KeyAttribute;
using table::KeySchema;
using table::StreamView;
using table::Type;

constexpr std::string_view kKeyTypes[] = {"HASH", "RANGE"};
constexpr std::string_view kAttributeTypes[] = {"B", "N", "S"};
constexpr std::string_view kProjectionTypes[] = {"ALL", "INCLUDE", "KEYS_ONLY"};
constexpr std::string_view kBillingModes[] = {"PROVISIONED", "PAY_PER_REQUEST"};
constexpr std::string_view kTableClasses[] = {"STANDARD", "STANDARD_INFREQUENT_ACCESS"};
constexpr std::string_view kStreamViews[] = {"NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES",
                                             "KEYS_ONLY"};

const KeyAttribute* find_definition(const std::vector<KeyAttribute>& definitions,
                                    std::string_view name) {
  const auto at = std::ranges::find(definitions, name, &KeyAttribute::name);
  return at == definitions.end() ? nullptr : &*at;
}

Outcome<IndexProjection> make_projection(const GivenIndex& given) {
  if (!given.projection_type) return invalid_values("Unknown ProjectionType: null");
  const bool is_include = *given.projection_type == "INCLUDE";
  if (given.has_non_key_attributes && !is_include) {
    return invalid_values(fmt::format("ProjectionType is {}, but NonKeyAttributes is specified",
                                      *given.projection_type));
  }
  if (is_include && !given.has_non_key_attributes) {
    return invalid_values("ProjectionType is INCLUDE, but NonKeyAttributes is not specified");
  }
  using Kind = IndexProjection::Kind;
  return IndexProjection{.kind = is_include                             ? Kind::include
                                 : *given.projection_type == "KEYS_ONLY" ? Kind::keys_only
                                                                         : Kind::all,
                         .include = given.non_key_attributes};
}

}  // namespace

Outcome<std::string> read_name_of_table(const Members& members) {
  const auto value = members.find("TableName");
  if (!value)
    return validation("The parameter 'TableName' is required but was not present in the request");
  members.text("TableName");
  SL_CHECK(members.mistakes().check());
  const std::string_view given = *value;
  const std::string name = table_name_of(given);
  if (name.size() < 3 || name.size() > 255) {
    return validation(
        "TableName must be at least 3 characters long and at most 255 characters long");
  }
  if (name == given) members.text("TableName", {.is_name = true});
  return name;
}

std::vector<KeyAttribute> read_attribute_definitions(const Members& members, bool is_required) {
  std::vector<KeyAttribute> out;
  for (const Members& each : members.structures("AttributeDefinitions", "AttributeDefinition",
                                                {.is_required = is_required})) {
    const auto name =
        each.text("AttributeName", {.is_required = true, .length_min = 1, .length_max = 255});
    const auto type = each.text("AttributeType", {.is_required = true, .one_of = kAttributeTypes});
    out.push_back({std::string(name.value_or("")), type == "N"   ? Type::N
                                                   : type == "B" ? Type::B
                                                                 : Type::S});
  }
  return out;
}

std::vector<KeyElement> read_key_schema(const Members& members) {
  std::vector<KeyElement> out;
  const ListRule rule{.is_required = true, .length_min = 1, .length_max = 2};
  for (const Members& each : members.structures("KeySchema", "KeySchemaElement", rule)) {
    const auto name =
        each.text("AttributeName", {.is_required = true, .length_min = 1, .length_max = 255});
    const auto type = each.text("KeyType", {.is_required = true, .one_of = kKeyTypes});
    out.push_back({std::string(name.value_or("")), std::string(type.value_or(""))});
  }
  return out;
}

GivenIndex read_index(const Members& members) {
  GivenIndex given;
  TextRule name_rule = kIndexNameRule;
  name_rule.is_required = true;
  given.name = members.text("IndexName", name_rule).value_or("");
  given.key = read_key_schema(members);
  if (const auto projection = members.structure("Projection", true)) {
    if (const auto type = projection->text("ProjectionType", {.one_of = kProjectionTypes})) {
      given.projection_type = std::string(*type);
    }
    given.has_non_key_attributes = projection->has("NonKeyAttributes");
    given.non_key_attributes = projection->texts("NonKeyAttributes", {.length_min = 1},
                                                 {.length_min = 1, .length_max = 255});
  }
  given.throughput = read_throughput(members, "ProvisionedThroughput");
  return given;
}

std::optional<table::Throughput> read_throughput(const Members& members, std::string_view name) {
  const auto given = members.structure(name);
  if (!given) return std::nullopt;
  const IntegerRule rule{.is_required = true, .min = 1, .type = "Long"};
  table::Throughput throughput;
  throughput.write_units = given->integer("WriteCapacityUnits", rule).value_or(0);
  throughput.read_units = given->integer("ReadCapacityUnits", rule).value_or(0);
  return throughput;
}

std::optional<std::string_view> read_billing_mode(const Members& members) {
  return members.text("BillingMode", {.one_of = kBillingModes});
}

std::optional<std::string_view> read_table_class(const Members& members) {
  return members.text("TableClass", {.one_of = kTableClasses});
}

Outcome<KeySchema> make_key(const std::vector<KeyElement>& key,
                            const std::vector<KeyAttribute>& definitions) {
  std::vector<std::string_view> names, defined;
  for (const KeyElement& element : key) names.push_back(element.name);
  for (const KeyAttribute& attribute : definitions) defined.push_back(attribute.name);
  if (key.size() > definitions.size())
    return validation("Invalid KeySchema: Some index key attribute have no definition");
  if (std::ranges::any_of(
          names, [&](std::string_view name) { return !find_definition(definitions, name); })) {
    return invalid_values(fmt::format(
        "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], "
        "AttributeDefinitions: [{}]",
        fmt::join(names, ", "), fmt::join(defined, ", ")));
  }
  if (key.size() == 2 && names[0] == names[1]) {
    return validation(
        "Both the Hash Key and the Range Key element in the KeySchema have the same name");
  }
  if (key[0].type != "HASH") {
    return validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
  }
  if (key.size() == 2 && key[1].type != "RANGE") {
    return validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
  }
  KeySchema schema{.hash = *find_definition(definitions, names[0]), .range = std::nullopt};
  if (key.size() == 2) schema.range = *find_definition(definitions, names[1]);
  return schema;
}

Outcome<Index> make_index(const GivenIndex& given, const Table& table, bool is_local) {
  Index index{.name = given.name, .is_local = is_local};
  SL_TRY(index.key, make_key(given.key, table.attribute_definitions));
  if (is_local) {
    if (!index.key.range) {
      return invalid_values("Index KeySchema does not have a range key for index: " + given.name);
    }
    if (index.key.hash.name != table.key.hash.name) {
      return invalid_values(fmt::format(
          "Index KeySchema does not have the same leading hash key as table KeySchema for "
          "index: {}. index hash key: {}, table hash key: {}",
          given.name, index.key.hash.name, table.key.hash.name));
    }
  }
  SL_TRY(index.projection, make_projection(given));
  if (table.is_on_demand && given.throughput) {
    return invalid_values(fmt::format(
        "ProvisionedThroughput should not be specified for index: {} when BillingMode is "
        "PAY_PER_REQUEST",
        given.name));
  }
  if (!table.is_on_demand && !is_local && !given.throughput) {
    return invalid_values("ProvisionedThroughput must be specified for index: " + given.name);
  }
  if (given.throughput) {
    SL_CHECK(check_throughput(*given.throughput));
    index.throughput = *given.throughput;
  }
  if (table.find_index(given.name)) return invalid_values("Duplicate index name: " + given.name);
  return index;
}

Outcome<void> check_projections(const Table& table) {
  size_t count = 0;
  for (const Index& index : table.indexes) count += index.projection.include.size();
  if (count <= kProjectedAttributesMax) return {};
  return invalid_values(
      fmt::format("Number of NonKeyAttributes of all secondary indexes exceeds per-table limit of "
                  "{}: {}",
                  kProjectedAttributesMax, count));
}

Outcome<void> check_throughput(const table::Throughput& throughput) {
  if (throughput.read_units > kUnitsMax) {
    return validation(fmt::format("Given value {} for ReadCapacityUnits is out of bounds",
                                  throughput.read_units));
  }
  if (throughput.write_units > kUnitsMax) {
    return validation(fmt::format("Given value {} for WriteCapacityUnits is out of bounds",
                                  throughput.write_units));
  }
  return {};
}

Outcome<void> check_definitions_used(const Table& table) {
  const auto is_used = [&](const KeyAttribute& attribute) {
    return is_key_attribute(table.key, attribute.name) ||
           std::ranges::any_of(table.indexes, [&](const Index& i) {
             return is_key_attribute(i.key, attribute.name);
           });
  };
  if (std::ranges::all_of(table.attribute_definitions, is_used)) return {};
  if (table.indexes.empty()) {
    return invalid_values(
        "Number of attributes in KeySchema does not exactly match number of attributes defined in "
        "AttributeDefinitions");
  }
  return invalid_values(
      "Some AttributeDefinitions are not used. AttributeDefinitions must be the keys of the table "
      "and its "
      "indexes");
}

std::optional<GivenStream> read_stream(const Members& members) {
  const auto given = members.structure("StreamSpecification");
  if (!given) return std::nullopt;
  GivenStream stream{.is_enabled = given->flag("StreamEnabled").value_or(false),
                     .view = std::nullopt};
  if (!given->has("StreamEnabled")) {
    members.mistakes().constraint("null", given->path("StreamEnabled"), "Member must not be null");
  }
  if (const auto view = given->text("StreamViewType", {.one_of = kStreamViews}))
    stream.view = std::string(*view);
  return stream;
}

Outcome<StreamView> make_stream(const GivenStream& given) {
  if (!given.is_enabled) {
    if (given.view) {
      return invalid_values("StreamViewType should not be specified when StreamEnabled is false");
    }
    return StreamView::off;
  }
  if (!given.view) return invalid_values("StreamViewType is required when StreamEnabled is true");
  if (*given.view == "NEW_IMAGE") return StreamView::new_image;
  if (*given.view == "OLD_IMAGE") return StreamView::old_image;
  if (*given.view == "KEYS_ONLY") return StreamView::keys_only;
  return StreamView::new_and_old_images;
}

Tags read_tags(const Members& members, bool is_required) {
  Tags tags;
  for (const Members& each : members.structures("Tags", "Tag", {.is_required = is_required})) {
    const auto key = each.text("Key", {.is_required = true, .length_min = 1, .length_max = 128});
    const auto value = each.text("Value", {.is_required = true, .length_max = 256});
    tags.emplace_back(key.value_or(""), value.value_or(""));
  }
  return tags;
}

Outcome<void> set_tags(Table& table, const Tags& tags) {
  for (const auto& [key, value] : tags) {
    if (key.starts_with("aws:"))
      return validation(
          "One or more parameter values are not valid. Tag keys beginning with "
          "'aws:' are reserved for AWS use");
    if (key == kMergeTag) {
      if (value == "item") table.merge = table::Merge::item;
      else if (value == "attribute") table.merge = table::Merge::attribute;
      else if (value == "conversation") table.merge = table::Merge::conversation;
      else
        return invalid_values(
            fmt::format("{} is item, attribute or conversation, not '{}'", kMergeTag, value));
    }
    if (key == kAckTag) {
      const auto ack = table::ack_from(value);
      if (!ack) {
        return invalid_values(
            fmt::format("{} is local, remote or reachable, not '{}'", kAckTag, value));
      }
      table.ack = *ack;
    }
    const auto at = std::ranges::find(table.tags, key, &Tags::value_type::first);
    if (at != table.tags.end()) {
      at->second = value;
    } else {
      table.tags.emplace_back(key, value);
    }
  }
  if (table.tags.size() > kTagsMax) {
    return validation(fmt::format("Too many tags: a resource may have up to {}", kTagsMax));
  }
  std::ranges::sort(table.tags);
  return {};
}

void remove_tags(Table& table, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if (key == kMergeTag) table.merge = table::Merge::attribute;
    if (key == kAckTag) table.ack = table::Ack::local;
    std::erase_if(table.tags, [&](const auto& tag) { return tag.first == key; });
  }
}

}  // namespace sealane::state::api
