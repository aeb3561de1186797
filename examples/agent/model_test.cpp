// SPDX-License-Identifier: Apache-2.0
#include "model.h"

#include <gtest/gtest.h>

#include "library.h"

namespace sealane::agent {
namespace {

// A conversation, prompt by prompt; gives the last reply.
std::string talk(std::initializer_list<std::string> prompts,
                 std::string_view region = "us-east-1") {
  const Library library;
  Conversation c;
  std::string last;
  for (const std::string& prompt : prompts) {
    last = reply({prompt, c, region, library});
    if (c.turn_count++ == 0) c.first_prompt = prompt;
    c.turns.push_back({prompt, last});
  }
  return last;
}

TEST(Model, does_sums) {
  struct Row {
    const char *prompt, *reply;
  };
  const Row rows[] = {
      {"what is 12 * (3 + 4)?", "12 * (3 + 4) = 84"},
      {"2+2", "2+2 = 4"},
      {"What's 7 plus 8 times 2?", "7 + 8 * 2 = 23"},
      {"10 divided by 4", "10 / 4 = 2.5"},
      {"2 ^ 3 ^ 2", "2 ^ 3 ^ 2 = 512"},
      {"-3 - -4", "-3 - -4 = 1"},
      {"15% of 80", "15% * 80 = 12"},
      {"1 / 0", "1 / 0 has no finite value."},
      {"square root of 2", "The square root of 2 = 1.4142136"},
      {"9 squared", "9 ^2 = 81"},
  };
  for (const Row& row : rows) EXPECT_EQ(talk({row.prompt}), row.reply) << row.prompt;
}

TEST(Model, goes_on_from_the_last_result) {
  EXPECT_EQ(talk({"6 * 7", "double that"}), "(42) * 2 = 84");
  EXPECT_EQ(talk({"6 * 7", "hello", "add 8 to it"}), "(42) + 8 = 50");
  EXPECT_EQ(talk({"6 * 7", "plus 8"}), "(42) + 8 = 50");
  EXPECT_EQ(talk({"10 miles in km", "divide that by 2"}), "(16.09344) / 2 = 8.04672");
}

TEST(Model, a_deep_or_endless_sum_is_refused_and_not_a_crash) {
  EXPECT_FALSE(talk({std::string(400, '(') + "1" + std::string(90, ')')}).empty());
  EXPECT_FALSE(talk({std::string(10'000, '-') + "1"}).empty());
  EXPECT_FALSE(talk({"9^9^9^9^9^9"}).empty());
}

TEST(Model, names_of_regions_and_dates_are_no_sums) {
  EXPECT_EQ(talk({"where is eu-west-1?"}), "eu-west-1 is in Dublin (about 53.3, -6.3).");
  EXPECT_EQ(talk({"what happened on 2026-11-22"}).find('='), std::string::npos);
}

TEST(Model, counts_as_far_as_it_is_told_to) {
  EXPECT_EQ(talk({"Count to 5, please."}), "1 2 3 4 5");
  EXPECT_EQ(tokens(talk({"count to 2000"})).size(), 2000u);
  EXPECT_EQ(talk({"count to 2001"}), "I get tired after 2000.");
  EXPECT_EQ(talk({"count to 99999999999"}), "I get tired after 2000.");
}

TEST(Model, converts_units) {
  EXPECT_EQ(talk({"convert 10 miles to km"}), "10 miles = 16.09344 km");
  EXPECT_EQ(talk({"how many feet are in 3 miles?"}), "3 miles = 15840 feet");
  EXPECT_EQ(talk({"100 f in c"}), "100 degrees-F = 37.777778 degrees-C");
  EXPECT_EQ(talk({"2gb in mb"}), "2 GB = 2000 MB");
}

TEST(Model, knows_where_regions_are) {
  EXPECT_EQ(talk({"which region are you in?"}, "eu-west-1"), "I am answering from eu-west-1.");
  const std::string far = talk({"how far is us-east-1 from eu-west-1?"});
  EXPECT_TRUE(far.starts_with("us-east-1 (Northern Virginia) and eu-west-1 (Dublin) are about 54"))
      << far;
}

TEST(Model, recalls_what_was_said) {
  EXPECT_EQ(talk({"what is DNS?", "2+2", "what did I ask first?"}),
            "You first asked: \"what is DNS?\"");
  EXPECT_EQ(talk({"what is DNS?", "2+2", "what did I just ask?"}),
            "Before this you asked: \"2+2\"");
  EXPECT_EQ(talk({"hi", "2+2", "how many questions did I ask?"}),
            "You have asked 2 questions before this one.");
  EXPECT_EQ(talk({"what did I ask first?"}), "This is the first thing you asked.");
  EXPECT_EQ(talk({"my name is Ada Lovelace", "2+2", "what is my name?"}),
            "Your name is Ada Lovelace.");
  EXPECT_EQ(talk({"what is my name?"}), "You have not told me your name.");
  EXPECT_EQ(talk({"remember that the code is 1234", "what should you remember?"}),
            "You told me that the code is 1234.");
  EXPECT_EQ(talk({"2+2", "what did you say?"}), "I said: 2+2 = 4");
  EXPECT_EQ(talk({"2+2", "hi", "summarize our conversation"}),
            "So far you asked \"2+2\", then \"hi\".");
}

TEST(Model, looks_up_what_it_knows_and_never_says_it_twice) {
  const std::string first = talk({"How does failover work?"});
  EXPECT_TRUE(first.contains("Failover")) << first;
  const std::string more = talk({"How does failover work?", "tell me more"});
  EXPECT_NE(more, first);
  EXPECT_FALSE(more.empty());
  for (const char* question :
       {"what is a health check?", "explain anycast", "why should I cache tool schemas?",
        "how are tokens streamed?", "what does a latency policy do?"}) {
    EXPECT_FALSE(talk({question}).starts_with("I do not know")) << question;
  }
}

TEST(Model, says_so_when_it_does_not_know) {
  EXPECT_TRUE(talk({"who won the chess game yesterday evening"}).starts_with("I do not know that"));
}

TEST(Model, the_same_conversation_has_the_same_replies) {
  for (const char* prompt : {"explain sessions", "what is anycast", "7*6", "unknowable xyzzy"}) {
    EXPECT_EQ(talk({"hello", prompt}), talk({"hello", prompt}));
  }
}

TEST(Model, tokens_are_the_reply_again) {
  for (const std::string_view text : {"", "one", "two words", "  spaces   inside  ", "a b c"}) {
    std::string joined;
    for (const std::string_view token : tokens(text)) joined += token;
    EXPECT_EQ(joined, text);
  }
  EXPECT_EQ(tokens("one two three").size(), 3u);
}

}  // namespace
}  // namespace sealane::agent
