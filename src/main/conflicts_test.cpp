// SPDX-License-Identifier: Apache-2.0
#include "main/conflicts.h"

#include <gtest/gtest.h>

namespace sealane::main {
namespace {

std::string answer(std::string_view lost_value, std::string_view noticed = "1700000000.123",
                   std::string_view stamp = "1") {
  return R"({"Conflicts":[{"Sequence":7,"NoticedDateTime":)" + std::string(noticed) +
         R"(,"TableName":"sessions","Key":{"id":{"S":"k"}},"Attribute":"title","Lost":{"Stamp":")" +
         std::string(stamp) +
         R"(","DateTime":1699999999.5,"SourceId":"000000ab","RegionName":"us-east-1","Node":"127.1.0.1","Value":)" +
         std::string(lost_value) +
         R"(},"Won":{"Stamp":"2","DateTime":1699999999.75,"SourceId":"000000cd","Removed":true}}],"NextBefore":7})";
}

TEST(Conflicts, tell_who_lost_to_whom_when_and_what) {
  const auto page = read_conflicts(answer(R"({"S":"x"})"), "127.1.0.1");
  ASSERT_TRUE(page) << page.error().what;
  EXPECT_EQ(page->next_before, 7u);
  EXPECT_EQ(render(page->conflicts),
            "2023-11-14T22:13:20.123Z  sessions {\"id\":{\"S\":\"k\"}} title\n"
            "  lost  {\"S\":\"x\"}  by us-east-1 (127.1.0.1) at 2023-11-14T22:13:19.500Z\n"
            "  to    (removed)  by source 000000cd at 2023-11-14T22:13:19.750Z\n");
  EXPECT_EQ(render_json(page->conflicts).find('\n'), render_json(page->conflicts).size() - 1)
      << "one line";
  EXPECT_NE(render_json(page->conflicts).find(R"("value":{"S":"x"})"), std::string::npos);
}

TEST(Conflicts, one_that_two_nodes_tell_of_is_told_once_and_the_latest_come_first) {
  std::vector<Conflict> all;
  const auto add = [&](const std::string& json, const char* node) {
    auto page = read_conflicts(json, node);
    ASSERT_TRUE(page) << page.error().what;
    for (Conflict& one : page->conflicts) all.push_back(std::move(one));
  };
  add(answer(R"({"S":"x"})", "1700000002.000"), "127.1.0.1");
  add(answer(R"({"S":"x"})", "1700000001.000"), "127.2.0.1");
  add(answer(R"({"S":"y"})", "1700000003.000", "3"), "127.2.0.1");
  const auto joined = join_conflicts(all, 10);
  ASSERT_EQ(joined.size(), 2u);
  EXPECT_EQ(joined[0].lost.value, R"({"S":"y"})");
  EXPECT_EQ(joined[1].noticed_by, "127.2.0.1") << "who noticed it first";
  EXPECT_EQ(join_conflicts(all, 1).size(), 1u);
  EXPECT_EQ(join_conflicts(all, 1)[0].lost.value, R"({"S":"y"})");
}

TEST(Conflicts, values_of_users_send_nothing_to_the_terminal_and_are_cut) {
  const auto page = read_conflicts(
      answer("{\"S\":\"a\\u001b[2J\\u0007\\u009bb" + std::string(1000, 'x') + "\"}"), "n");
  ASSERT_TRUE(page);
  const std::string text = render(page->conflicts);
  EXPECT_EQ(text.find('\x1b'), text.npos);
  EXPECT_EQ(text.find("\xc2\x9b"), text.npos);
  EXPECT_NE(text.find(" bytes)"), text.npos);
  EXPECT_LT(text.size(), 600u);
  EXPECT_EQ(render({}), "no value has lost a conflict\n");
}

TEST(Conflicts, other_answers_are_refused) {
  for (const char* other : {"", "[]", "{}", R"({"Conflicts":{}})", R"({"Conflicts":[1]})",
                            R"({"Conflicts":[{}]})", R"({"Conflicts":[{"Lost":{}}]})"}) {
    EXPECT_EQ(read_conflicts(other, "n").error().code, Code::invalid) << other;
  }
}

TEST(Conflicts, times_are_read_as_they_are_printed) {
  for (const uint64_t ms : {uint64_t{0}, uint64_t{1'700'000'000'123}, uint64_t{951'782'399'999}}) {
    EXPECT_EQ(parse_time(time_text(ms)), ms) << time_text(ms);
  }
  for (const char* other :
       {"", "2026-11-23", "2026-02-30T00:00:00.000Z", "2026-11-23T24:00:00.000Z",
        "2026-11-23 02:50:11.123Z", "1969-12-31T23:59:59.999Z", "2026-11-23T02:50:11.12xZ"}) {
    EXPECT_FALSE(parse_time(other)) << other;
  }
}

}  // namespace
}  // namespace sealane::main
