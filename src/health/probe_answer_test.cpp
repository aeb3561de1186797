// SPDX-License-Identifier: Apache-2.0
#include "health/probe_answer.h"

#include <gtest/gtest.h>

namespace sealane::health {
namespace {

using view::Outcome;

Outcome judge(std::string_view bytes, std::string search = "") {
  const Needle needle(std::move(search));
  ProbeAnswer answer(needle);
  answer.take(bytes);
  return answer.end();
}

TEST(ProbeAnswer, judges_by_status) {
  struct Row {
    const char* line;
    Outcome outcome;
  };
  const Row rows[] = {
      {"HTTP/1.1 200 OK", Outcome::ok},
      {"HTTP/1.0 204 No Content", Outcome::ok},
      {"HTTP/1.1 302 Found", Outcome::ok},
      {"HTTP/1.1 399 x", Outcome::ok},
      {"HTTP/1.1 200", Outcome::ok},
      {"HTTP/1.1 400 Bad", Outcome::bad_status},
      {"HTTP/1.1 404 Gone", Outcome::bad_status},
      {"HTTP/1.1 503 Busy", Outcome::bad_status},
      {"HTTP/1.1 101 Up", Outcome::bad_status},
      {"HTTP/1.1 600 x", Outcome::bad_answer},
      {"HTTP/1.1 99 x", Outcome::bad_answer},
      {"HTTP/1.1 2000 x", Outcome::bad_answer},
      {"HTTP/2 200 OK", Outcome::bad_answer},
      {"HTTP/1.2 200 OK", Outcome::bad_answer},
      {"HTTP/1.1  200 OK", Outcome::bad_answer},
      {"SSH-2.0-OpenSSH_9.2", Outcome::bad_answer},
      {"", Outcome::bad_answer},
      {"HTTP/1.1 2x0 OK", Outcome::bad_answer},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(judge(std::string(row.line) + "\r\n\r\n"), row.outcome) << row.line;
  }
}

TEST(ProbeAnswer, an_unfinished_head_is_no_answer) {
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\nContent-Le"), Outcome::bad_answer);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\n"), Outcome::bad_answer);
  EXPECT_EQ(judge(""), Outcome::bad_answer);
}

TEST(ProbeAnswer, garbage_is_refused_with_the_first_wrong_byte) {
  const Needle none("");
  ProbeAnswer answer(none);
  EXPECT_EQ(answer.take("HTTQ"), Outcome::bad_answer);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), Outcome::bad_answer);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\na b: c\r\n\r\n"), Outcome::bad_answer);
  EXPECT_EQ(judge(std::string_view("HTTP/1.1 200 OK\r\na: \0\r\n\r\n", 26)), Outcome::bad_answer);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\rX\r\n\r\n"), Outcome::bad_answer);
}

TEST(ProbeAnswer, a_bare_line_feed_ends_a_line) {
  EXPECT_EQ(judge("HTTP/1.1 200 OK\nA: b\n\n"), Outcome::ok);
}

TEST(ProbeAnswer, interim_answers_come_before_the_real_one) {
  EXPECT_EQ(judge("HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), Outcome::ok);
  EXPECT_EQ(judge("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 No\r\n\r\n"), Outcome::bad_status);
  EXPECT_EQ(judge("HTTP/1.1 100 Continue\r\n\r\n"), Outcome::bad_answer);
}

TEST(ProbeAnswer, the_head_is_bounded) {
  const std::string start = "HTTP/1.1 200 OK\r\nA: ", end = "\r\n\r\n";
  const size_t room = ProbeAnswer::kHeadBytesMax - start.size() - end.size();
  EXPECT_EQ(judge(start + std::string(room, 'x') + end), Outcome::ok);
  EXPECT_EQ(judge(start + std::string(room + 1, 'x') + end), Outcome::bad_answer);
}

TEST(ProbeAnswer, long_lines_are_skipped_but_not_believed) {
  const std::string pad(ProbeAnswer::kLineBytesMax, ' ');
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\nContent-Length:" + pad + "5\r\n\r\nhello", "hello"),
            Outcome::bad_answer);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\nX:" + pad + "\rq\r\n\r\n"), Outcome::ok);
}

TEST(ProbeAnswer, finds_the_search_string_in_each_framing) {
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nall is ok!", "is ok"), Outcome::ok);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\n\r\nall is ok!", "ok!"), Outcome::ok);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nall i\r\n5\r\ns "
                  "ok!\r\n0\r\n\r\n",
                  "is ok"),
            Outcome::ok);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nall is ok!", "is ok"),
            Outcome::no_match);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\n\r\nall is OK!", "ok"), Outcome::no_match);
  EXPECT_EQ(
      judge("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nall i\r\n0\r\n\r\n", "is"),
      Outcome::no_match);
  EXPECT_EQ(judge("HTTP/1.1 204 No Content\r\n\r\n", "ok"), Outcome::no_match);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "ok"), Outcome::no_match);
  EXPECT_EQ(judge("HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nok", "ok"), Outcome::bad_status);
}

TEST(ProbeAnswer, a_body_that_breaks_its_framing_is_no_answer) {
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nall", "ok"), Outcome::bad_answer);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", "ok"),
            Outcome::bad_answer);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok", "ok"), Outcome::bad_answer);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok", "ok"),
            Outcome::bad_answer);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "ok"),
            Outcome::bad_answer);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nnoX", "ok"),
            Outcome::bad_answer);
  EXPECT_EQ(
      judge("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", "ok"),
      Outcome::bad_answer);
}

TEST(ProbeAnswer, the_search_string_must_lie_wholly_in_the_first_5120_bytes) {
  const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
  EXPECT_EQ(judge(head + std::string(5118, '.') + "ok", "ok"), Outcome::ok);
  EXPECT_EQ(judge(head + std::string(5119, '.') + "ok", "ok"), Outcome::no_match);
}

TEST(ProbeAnswer, the_verdict_does_not_depend_on_how_the_bytes_are_cut) {
  const std::string bytes =
      "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "4\r\naaba\r\n3\r\nabz\r\n4\r\naaba\r\n2\r\nab\r\n0\r\n\r\n";
  const Needle needle("aabaab");
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    ProbeAnswer answer(needle);
    answer.take(std::string_view(bytes).substr(0, cut));
    answer.take(std::string_view(bytes).substr(cut));
    EXPECT_EQ(answer.end(), Outcome::ok) << cut;
  }
}

}  // namespace
}  // namespace sealane::health
