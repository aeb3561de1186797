// SPDX-License-Identifier: Apache-2.0
#include "base/escape.h"

#include <gtest/gtest.h>

namespace sealane {
namespace {

std::string json(std::string_view text) {
  std::string out = "before ";
  append_json_escaped(out, text);
  return out;
}

TEST(Escape, json_strings_keep_their_quotes_and_controls_inside) {
  EXPECT_EQ(json(""), "before ");
  EXPECT_EQ(json("plain, <tags> & 'quotes'"), "before plain, <tags> & 'quotes'");
  EXPECT_EQ(json(R"(a"b\c)"), R"(before a\"b\\c)");
  EXPECT_EQ(json(std::string_view("\0\n\x1f\x20\x7f", 5)), "before \\u0000\\u000a\\u001f \x7f");
  EXPECT_EQ(json("\xc3\xa4\xff"), "before \xc3\xa4\xff");
}

TEST(Escape, html_has_no_tag_or_attribute_that_the_text_made) {
  EXPECT_EQ(html_escaped(""), "");
  EXPECT_EQ(html_escaped("<a href=\"x\" title='y'>&amp;</a>"),
            "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
  EXPECT_EQ(html_escaped("\xc3\xa4\n"), "\xc3\xa4\n");
}

}  // namespace
}  // namespace sealane
