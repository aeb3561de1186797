// SPDX-License-Identifier: Apache-2.0
#include "table/attribute_json.h"

#include <gtest/gtest.h>

#include "table/sample_value.h"
#include "table/size.h"

namespace sealane::table {
namespace {

using namespace std::string_literals;

// The item as it is written back, or the mistake.
std::string item(std::string_view json) {
  simdjson::dom::parser parser;
  const auto document = parser.parse(simdjson::padded_string(json));
  EXPECT_EQ(document.error(), simdjson::SUCCESS) << json;
  const auto read = item_from_json(document.value_unsafe());
  if (!read) return read.error().what;
  std::string out;
  append_json(out, *read);
  return out;
}

// The same of {"a": <json>}.
std::string value(std::string_view json) { return item(R"({"a":)" + std::string(json) + "}"); }

std::string wrapped(size_t levels) {
  std::string out = R"({"S":"leaf"})";
  for (size_t i = 0; i < levels; ++i) out = R"({"M":{"n":)" + out + "}}";
  return out;
}

TEST(AttributeJson, every_type_is_read_and_written_in_its_one_form) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"S":"x"})", R"({"S":"x"})"},
      {R"({"S":""})", R"({"S":""})"},
      {R"({"N":"-12.50"})", R"({"N":"-12.5"})"},
      {R"({"B":"AAECAw=="})", R"({"B":"AAECAw=="})"},
      {R"({"B":""})", R"({"B":""})"},
      {R"({"SS":["b","a",""]})", R"({"SS":["","a","b"]})"},
      {R"({"NS":["10","9","1e1000e"]})",
       "The parameter cannot be converted to a numeric value: 1e1000e"},
      {R"({"NS":["10","9","-1.0"]})", R"({"NS":["-1","9","10"]})"},
      {R"({"BS":["/w==",""]})", R"({"BS":["","/w=="]})"},
      {R"({"M":{}})", R"({"M":{}})"},
      {R"({"M":{"b":{"NULL":true},"a":{"BOOL":false}}})",
       R"({"M":{"a":{"BOOL":false},"b":{"NULL":true}}})"},
      {R"({"L":[]})", R"({"L":[]})"},
      {R"({"L":[{"S":"x"},{"L":[{"N":"1"}]}]})", R"({"L":[{"S":"x"},{"L":[{"N":"1"}]}]})"},
      {R"({"NULL":true})", R"({"NULL":true})"},
      {R"({"BOOL":true})", R"({"BOOL":true})"},
      // What Amazon's deserializer makes of strings where a boolean belongs, of null, and of
      // members it does not know.
      {R"({"NULL":"Yes"})", R"({"NULL":true})"},
      {R"({"BOOL":"tRue"})", R"({"BOOL":true})"},
      {R"({"BOOL":"1"})", R"({"BOOL":true})"},
      {R"({"BOOL":"no"})", R"({"BOOL":false})"},
      {R"({"S":"x","N":null,"what":{"ever":[]}})", R"({"S":"x"})"},
      {R"({"S":"x","S":"y"})", R"({"S":"y"})"},
  };
  for (const auto& [json, written] : cases) {
    const std::string whole = *written == '{' ? R"({"a":)" + std::string(written) + "}" : written;
    EXPECT_EQ(value(json), whole) << json;
  }
}

TEST(AttributeJson, a_value_that_means_nothing_is_refused_in_the_words_of_dynamodb) {
  const std::string empty =
      "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
  for (const char* json : {"{}", R"({"a":""})", R"({"S":null})", "null", R"({"M":{"a":{}}})",
                           R"({"L":[{}]})", R"({"L":[null]})"})
    EXPECT_EQ(value(json), empty) << json;

  const std::string invalid = "One or more parameter values were invalid: ";
  const std::string no_number = "The parameter cannot be converted to a numeric value";
  const std::pair<const char*, std::string> cases[] = {
      {R"({"NULL":"no"})", invalid + "Null attribute value types must have the value of true"},
      {R"({"NULL":false})", invalid + "Null attribute value types must have the value of true"},
      {R"({"SS":[]})", invalid + "An string set  may not be empty"},
      {R"({"NS":[]})", invalid + "An number set  may not be empty"},
      {R"({"BS":[]})", invalid + "Binary sets should not be empty"},
      {R"({"SS":["b","a","b"]})", invalid + "Input collection [b, a, b] contains duplicates."},
      {R"({"SS":["",""]})", invalid + "Input collection [, ] contains duplicates."},
      {R"({"NS":["1","2","1.0"]})", "Input collection contains duplicates"},
      {R"({"BS":["Yg==","Yg=="]})",
       invalid + "Input collection [Yg==, Yg==]of type BS contains duplicates."},
      {R"({"S":"","N":""})", no_number},
      {R"({"S":"a","N":"b"})", no_number + ": b"},
      {R"({"NS":["1",""]})", no_number},
      {R"({"N":"1e126"})",
       "Number overflow. Attempting to store a number with magnitude larger than supported range"},
      {R"({"S":"a","N":"1"})",
       "Supplied AttributeValue has more than one datatypes set, must contain exactly one of "
       "the supported datatypes"},
      {R"({"M":{"":{"S":"x"}}})", "Empty attribute name"},
  };
  for (const auto& [json, what] : cases) EXPECT_EQ(value(json), what) << json;
  EXPECT_EQ(item(R"({"":{"S":"x"}})"), "Empty attribute name");
  EXPECT_EQ(item(R"({"b":{"S":"x"},"":{"S":"x"}})"), "Empty attribute name");
}

TEST(AttributeJson, a_name_may_have_65535_bytes_and_not_one_more) {
  const std::string longest(65535, 'n'),
      too_large = "Attribute name is too large, must be less than 65536 bytes";
  const auto with = [](const std::string& name, std::string_view before = {}) {
    return "{" + std::string(before) + "\"" + name + R"(":{"S":"x"}})";
  };
  EXPECT_EQ(item(with(longest)), with(longest));
  EXPECT_EQ(item(with(longest + "n")), too_large);
  EXPECT_EQ(item(with(longest + "n", R"("z":{"S":"x"},)")), too_large) << "out of order";
  EXPECT_EQ(value(R"({"M":)" + with(longest + "n") + "}"), too_large);
}

TEST(AttributeJson, a_wrong_shape_is_a_serialization_exception) {
  const std::string structure = "Start of structure or map found where not expected";
  const std::string collection = "Unrecognized collection type class ";
  const std::string ours = "com.amazonaws.dynamodb.v20120810.AttributeValue";
  const std::string base64 = "only base-64-encoded strings are convertible to bytes";
  const std::pair<const char*, std::string> cases[] = {
      {R"("x")", "Unexpected value type in payload"},
      {"23", "Unexpected value type in payload"},
      {"[]", collection + ours},
      {R"({"S":true})", "TRUE_VALUE cannot be converted to String"},
      {R"({"S":false})", "FALSE_VALUE cannot be converted to String"},
      {R"({"S":23})", "NUMBER_VALUE cannot be converted to String"},
      {R"({"N":18446744073709551615})", "NUMBER_VALUE cannot be converted to String"},
      {R"({"N":34.56})", "DECIMAL_VALUE cannot be converted to String"},
      {R"({"S":[]})", collection + "java.lang.String"},
      {R"({"S":{}})", structure},
      {R"({"SS":["a",null]})", "NULL_VALUE cannot be converted to String"},
      {R"({"NS":[1]})", "NUMBER_VALUE cannot be converted to String"},
      {R"({"BOOL":1})", "NUMBER_VALUE cannot be converted to Boolean"},
      {R"({"BOOL":0.5})", "DECIMAL_VALUE cannot be converted to Boolean"},
      {R"({"BOOL":"maybe"})", "Unexpected token received from parser"},
      {R"({"NULL":[]})", collection + "java.lang.Boolean"},
      {R"({"NULL":{}})", structure},
      {R"({"B":true})", base64},
      {R"({"B":34.56})", base64},
      {R"({"B":[]})", collection + "java.nio.ByteBuffer"},
      {R"({"B":{}})", structure},
      {R"({"B":"23456"})", "Base64 encoded length is expected a multiple of 4 bytes but found: 5"},
      {R"({"B":"=+/="})", "Invalid last non-pad Base64 character dectected"},
      {R"({"B":"+/+="})", "Invalid last non-pad Base64 character dectected"},
      {R"({"SS":"a"})", "Unexpected field type"},
      {R"({"SS":{}})", structure},
      {R"({"L":true})", "Unexpected field type"},
      {R"({"L":{}})", structure},
      {R"({"M":"x"})", "Unexpected field type"},
      {R"({"M":[]})", "Unrecognized collection type java.util.Map<java.lang.String, " + ours + ">"},
      {R"({"M":{"a":"x"}})", "Unexpected value type in payload"},
      {R"({"L":[[]]})", collection + ours},
  };
  for (const auto& [json, what] : cases)
    EXPECT_EQ(value(json), std::string(kSerialization) + what) << json;
  simdjson::dom::parser parser;
  EXPECT_EQ(item_from_json(parser.parse("[]"_padded).value()).error().what,
            std::string(kSerialization) +
                "Unrecognized collection type java.util.Map<java.lang.String, " + ours + ">");
}

TEST(AttributeJson, a_wrong_shape_anywhere_comes_before_a_wrong_value) {
  const std::string shape =
      std::string(kSerialization) + "NUMBER_VALUE cannot be converted to String";
  EXPECT_EQ(item(R"({"a":{"N":"x"},"b":{"S":1}})"), shape);
  EXPECT_EQ(item(R"({"a":{"N":"x","S":1}})"), shape);
  EXPECT_EQ(item(R"({"a":{"L":[{},{"M":{"c":{"SS":["a","a"]},"d":{"NS":["1",1]}}}]}})"), shape);
  EXPECT_EQ(item(R"({"a":{},"b":null,"c":{"S":1}})"), shape);
  EXPECT_EQ(item(R"({"":{"S":"x"},"c":{"S":1}})"), shape);
  simdjson::dom::parser parser;
  EXPECT_EQ(value_from_json(parser.parse(R"({"N":"x","S":1})"_padded).value()).error().what, shape);
}

// Captured from the service: github.com/paritysuite/dynamodb-conformance, nestingDepth.
TEST(AttributeJson, a_leaf_may_stand_on_level_32_and_not_on_33) {
  const std::string too_deep =
      "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels "
      "beyond supported limit";
  EXPECT_EQ(value(wrapped(kDepthMax - 1)), R"({"a":)" + wrapped(kDepthMax - 1) + "}");
  EXPECT_EQ(value(wrapped(kDepthMax)), too_deep);
  EXPECT_EQ(value(wrapped(400)), too_deep);
  std::string lists = R"({"L":[)";
  for (size_t i = 2; i < kDepthMax; ++i) lists += R"({"L":[)";
  std::string ends;
  for (size_t i = 1; i < kDepthMax; ++i) ends += "]}";
  EXPECT_EQ(value(lists + R"({"L":[]})" + ends), R"({"a":)" + lists + R"({"L":[]})" + ends + "}");
  EXPECT_EQ(value(lists + R"({"L":[{"S":""}]})" + ends), too_deep);
}

TEST(AttributeJson, what_is_written_reads_back) {
  simdjson::dom::parser parser;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    Dice dice(seed);
    const Item before = roll_item(dice);
    std::string json;
    append_json(json, before);
    const auto document = parser.parse(json);
    ASSERT_EQ(document.error(), simdjson::SUCCESS) << seed << " " << json;
    const auto after = item_from_json(document.value_unsafe());
    ASSERT_TRUE(after) << seed << " " << after.error().what;
    ASSERT_EQ(*after, before) << seed;
  }
}

TEST(AttributeJson, attributes_are_sorted_and_of_two_of_one_name_the_last_counts) {
  EXPECT_EQ(item(R"({"b":{"S":"1"},"a":{"S":"2"},"c":{"S":"3"},"a":{"S":"4"}})"),
            R"({"a":{"S":"4"},"b":{"S":"1"},"c":{"S":"3"}})");
  EXPECT_EQ(item(R"({"a":{"S":"1"},"a":{"S":"2"}})"), R"({"a":{"S":"2"}})");
  // Bytes, not letters: in UTF-8 the order of bytes is the order of code points.
  EXPECT_EQ(item(R"({"é":{"S":""},"z":{"S":""},"Z":{"S":""}})"),
            R"({"Z":{"S":""},"z":{"S":""},"é":{"S":""}})");
}

// Each level unsorted: were a level read twice, this would take 2^31 steps.
TEST(AttributeJson, unsorted_maps_in_unsorted_maps_are_read_once) {
  std::string json = R"({"S":""})";
  for (size_t i = 1; i < kDepthMax; ++i) json = R"({"M":{"b":)" + json + R"(,"a":{"S":""}}})";
  EXPECT_TRUE(value(json).starts_with(R"({"a":{"M":{"a":)"));
  EXPECT_TRUE(item(R"({"z":)" + json + R"(,"a":{"S":1}})").starts_with(kSerialization));
}

TEST(JsonString, escapes_what_json_wants_escaped_wherever_it_stands) {
  simdjson::dom::parser parser;
  for (int c = 0; c < 0x80; ++c) {
    for (size_t before = 0; before < 20; ++before) {
      const std::string text = std::string(before, 'x') + char(c) + std::string(20 - before, 'y');
      std::string json;
      append_json_string(json, text);
      const auto read = parser.parse(json).get_string();
      ASSERT_EQ(read.error(), simdjson::SUCCESS) << c << " " << before;
      ASSERT_EQ(read.value_unsafe(), text) << c << " " << before;
      const bool is_escaped = c < 0x20 || c == '"' || c == '\\';
      ASSERT_EQ(json.size() > text.size() + 2, is_escaped) << c << " " << before;
    }
  }
  std::string json;
  append_json_string(json, "\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9\xf0\x9f\x9a\xa2");
  EXPECT_EQ(json, R"("\"\\/\b\f\n\r\t\u0001\u001f)"
                  "\x7f\xc3\xa9\xf0\x9f\x9a\xa2\"");
}

TEST(Base64, gives_the_vectors_of_rfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    std::string out = ">";
    append_base64(out, bytes);
    EXPECT_EQ(out, std::string(">") + text);
    EXPECT_EQ(*from_base64(text), bytes);
  }
}

TEST(Base64, every_byte_string_goes_there_and_back_and_no_other_text_is_read) {
  for (uint64_t seed = 0; seed < 5000; ++seed) {
    Dice dice(seed);
    const std::string bytes = roll_bytes(dice);
    std::string text;
    append_base64(text, bytes);
    ASSERT_EQ(*from_base64(text), bytes) << seed;
    if (text.empty()) continue;
    text[dice.below(text.size())] = char(dice.below(256));
    const auto other = from_base64(text);
    if (!other) continue;
    std::string again;
    append_base64(again, *other);
    ASSERT_EQ(again, text) << seed;
  }
  for (const char* text : {"A", "AA", "AAA", "AAAAA", "====", "A===", "=AAA", "AA=A", "A=AA",
                           "AB==", "AAB=", "AA==AAAA", "AA A", "AA-A", "AA_A", "AAA\n"})
    EXPECT_FALSE(from_base64(text)) << text;
}

}  // namespace
}  // namespace sealane::table
