// SPDX-License-Identifier: Apache-2.0
#include "play/scene.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "play/evidence.h"

namespace sealane::play {
namespace {

// The mistakes of a scene with this line in it.
std::string mistakes_of(std::string_view line) {
  const auto scene =
      parse("world w.yaml\n" + std::string(line) + "\nexpect no failed requests\n", "a.play");
  return scene ? "" : scene.error().what;
}

TEST(Parse, a_whole_scene) {
  const auto scene = parse(
      "title Two words # and a comment\n"
      "world:\n"
      "  domain: a.test\n"
      "\n"
      "  regions: {}\n"
      "lasts 1min\n"
      "agents think 20ms\n"
      "users near us-east-1 2.5 per second post /agent\n"
      "at 2s kill agents of us-east-1\n"
      "at 1s cut us-east-1 to eu-west-1\n"
      "at 3s lossy node 10.0.0.1 from everybody 25%\n"
      "expect by 4s dns near eu-west-1 answers eu-west-1 via us-east-1\n",
      "a.play");
  ASSERT_TRUE(scene) << scene.error().what;
  EXPECT_EQ(scene->title, "Two words");
  EXPECT_EQ(scene->world_yaml, "\n\n  domain: a.test\n\n  regions: {}\n")
      << "line numbers stay those of the scene";
  EXPECT_EQ(scene->lasts, 60s);
  EXPECT_EQ(scene->think, 20ms);
  ASSERT_EQ(scene->users.size(), 1u);
  EXPECT_EQ(scene->users[0].action, Users::Action::post);
  EXPECT_DOUBLE_EQ(scene->users[0].per_second, 2.5);
  ASSERT_EQ(scene->faults.size(), 3u);
  EXPECT_EQ(scene->faults[0].verb, Verb::cut) << "by time";
  EXPECT_TRUE(scene->faults[0].one_way);
  EXPECT_EQ(scene->faults[0].other.region.text, "eu-west-1");
  EXPECT_EQ(scene->faults[1].target.kind, Target::Kind::agents);
  EXPECT_EQ(scene->faults[2].target.kind, Target::Kind::node);
  EXPECT_EQ(scene->faults[2].other.kind, Target::Kind::everybody);
  EXPECT_DOUBLE_EQ(scene->faults[2].share, 0.25);
  ASSERT_EQ(scene->expectations.size(), 1u);
  EXPECT_EQ(scene->expectations[0].to, 4s);
  EXPECT_EQ(scene->expectations[0].via->text, "us-east-1");
  EXPECT_EQ(scene->expectations[0].text,
            "expect by 4s dns near eu-west-1 answers eu-west-1 via us-east-1");
}

TEST(Parse, mistakes_name_the_place_and_the_nearest_word) {
  struct Case {
    const char* line;
    const char* mistake;
  };
  const Case cases[] = {
      {"at 2s kil us-east-1", "a.play:2:7: 'kil' does not fit here"},
      {"at 2s kil us-east-1", "did you mean 'kill'?"},
      {"at 2 kill us-east-1", "a.play:2:4: '2' does not fit here; expected: a time such as"},
      {"at 2s kill", "a.play:2:11: the sentence ends too early"},
      {"at 2s freeze us-east-1 now",
       "a.play:2:24: 'now' does not fit here; nothing more may follow"},
      {"at 2s clock us-east-1 2h", "a jump such as +2h or -30s"},
      {"  expekt no failed requests", "a.play:2:3: 'expekt' does not fit here"},
      {"expect no faild requests", "did you mean 'failed'?"},
      {"at 2s brownout agents of us-east-1 200", "an HTTP status from 400 to 599"},
      {"users near us-east-1 0 per second get /", "a rate above 0"},
      {"at 40s heal everybody", "a.play:2:1: after the end of the scene ('lasts 30s')"},
  };
  for (const Case& c : cases) {
    EXPECT_NE(mistakes_of(c.line).find(c.mistake), std::string::npos) << c.line << "\n"
                                                                      << mistakes_of(c.line);
  }
}

TEST(Parse, all_mistakes_are_told_at_once) {
  const auto scene = parse("wrld x\nat 1s kill\nexpect nothing\n", "a.play");
  ASSERT_FALSE(scene);
  EXPECT_EQ(std::ranges::count(scene.error().what, '\n'), 2) << scene.error().what;
}

TEST(Parse, a_scene_needs_a_world_and_an_expectation) {
  EXPECT_NE(parse("expect no failed requests\n", "f").error().what.find("no world"),
            std::string::npos);
  EXPECT_NE(parse("world w.yaml\n", "f").error().what.find("nothing is expected"),
            std::string::npos);
}

TEST(Parse, limits_are_answers) {
  const std::string head = "world w.yaml\nexpect no failed requests\n";
  EXPECT_TRUE(parse(head + std::string(kSceneLinesMax - 2, '\n'), "f"));
  EXPECT_EQ(parse(head + std::string(kSceneLinesMax - 1, '\n'), "f").error().code, Code::limit);
  EXPECT_TRUE(parse(head + "#" + std::string(kSceneBytesMax - head.size() - 1, 'x'), "f"));
  EXPECT_EQ(parse(head + "#" + std::string(kSceneBytesMax - head.size(), 'x'), "f").error().code,
            Code::limit);
}

TEST(Durations, are_read_and_printed) {
  EXPECT_EQ(parse_duration("350ms"), 350ms);
  EXPECT_EQ(parse_duration("2.5s"), 2500ms);
  EXPECT_EQ(parse_duration("1min"), 60s);
  EXPECT_EQ(parse_duration("5us"), 5us);
  for (const char* wrong : {"", "s", "1", "-1s", "1 s", "1e3s", "9999999h", "1d", "nan"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
  EXPECT_EQ(print_duration(350ms), "350ms");
  EXPECT_EQ(print_duration(2350ms), "2.35s");
}

// Evidence in, verdict out: an expectation that nothing speaks for is not met.
TEST(Judge, an_expectation_is_not_met_by_silence) {
  const auto scene = parse(
      "world w.yaml\n"
      "expect by 4s dns near a answers a\n"
      "expect from 0s to 5s dns near a answers nothing\n"
      "expect from 0s to 5s a gets 0% to 100% near a\n"
      "expect a seen down within 1s of 1s\n"
      "expect no failed requests\n"
      "expect every request answered within 10s\n",
      "f");
  ASSERT_TRUE(scene) << scene.error().what;
  Report report;
  judge(*scene, {}, report);
  EXPECT_FALSE(report.met);
  for (const Verdict& verdict : report.verdicts) EXPECT_FALSE(verdict.met) << verdict.text;
}

TEST(Judge, dns_answers_measures_from_the_fault_to_the_last_wrong_answer) {
  const auto scene =
      parse("world w.yaml\nat 2s kill a\nat 9s start a\nexpect by 3s dns near a answers b\n", "f");
  ASSERT_TRUE(scene) << scene.error().what;
  const auto verdict_of = [&](std::vector<std::pair<Duration, std::string>> answers) {
    Evidence evidence;
    for (auto& [when, region] : answers) evidence.answers.push_back({when, "a", "b", {region}});
    Report report;
    judge(*scene, evidence, report);
    return report.verdicts[0];
  };
  const Verdict good =
      verdict_of({{1s, "a"}, {2100ms, "a"}, {2400ms, "b"}, {8s, "b"}, {9500ms, "a"}});
  EXPECT_TRUE(good.met) << good.measured;
  EXPECT_EQ(good.measured_us, 400'000);
  EXPECT_FALSE(verdict_of({{2100ms, "a"}, {3100ms, "b"}, {8s, "b"}}).met) << "too late";
  EXPECT_FALSE(verdict_of({{2100ms, "b"}, {5s, "a"}, {8s, "b"}}).met) << "went back in between";
  EXPECT_FALSE(verdict_of({{2100ms, "b"}, {8s, "a"}}).met) << "wrong at the end";
}

TEST(Report, json_and_text_say_the_same) {
  Report report;
  report.file = "x.play";
  report.verdicts.push_back({{3, 1}, "expect \"quotes\"", false, "because", 12});
  EXPECT_NE(render(report).find("NOT MET"), std::string::npos);
  EXPECT_NE(render(report).find("NOT GOOD"), std::string::npos);
  EXPECT_NE(render_json(report).find("\"measured_us\": 12"), std::string::npos);
  EXPECT_NE(render_json(report).find("expect \\\"quotes\\\""), std::string::npos);
}

}  // namespace
}  // namespace sealane::play
