// SPDX-License-Identifier: Apache-2.0
#include "wire/http/head.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/http/hop_by_hop.h"
#include "wire/http/reader.h"

namespace sealane::wire::http {
namespace {

const Limits kLimits;

// Reads `bytes` in pieces of `piece` and says what came: "head body end", or "refused <status>".
template <typename Head = RequestHead>
std::string read(std::string_view bytes, size_t piece = 1 << 20, const Limits& limits = kLimits) {
  Reader<Head> reader;
  std::vector<Field> fields;
  std::string out;
  while (!bytes.empty()) {
    std::string_view in = bytes.substr(0, piece);
    bytes.remove_prefix(in.size());
    for (Event e; (e = reader.next(in, limits, fields)) != Event::more;) {
      if (e == Event::refused) return out + "refused " + std::to_string(reader.refusal().status);
      if (e == Event::head) {
        if constexpr (std::is_same_v<Head, RequestHead>) {
          out.append(reader.head().method).append(" ").append(reader.head().target).append(" ");
        } else {
          out.append(std::to_string(reader.head().status)).append(" ");
        }
      }
      if (e == Event::body) out.append(reader.body());
      if (e == Event::end) out.append(";");
    }
  }
  return out;
}

std::string both(std::string_view bytes) {
  const std::string whole = read(bytes);
  EXPECT_EQ(whole, read(bytes, 1)) << bytes;
  return whole;
}

struct Case {
  const char* bytes;
  const char* result;
};

TEST(RequestHead, well_formed_requests_are_read_whole_and_in_pieces) {
  const Case cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / ;"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n", "GET / ;GET /b ;"},
      {"\r\nGET / HTTP/1.1\r\nHost:a\r\n\r\n", "GET / ;"},
      {"GET / HTTP/1.0\r\n\r\n", "GET / ;"},
      {"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: "
       "a\r\n\r\n",
       "POST /p hello;GET / ;"},
      {"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
       "chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\nyou\r\n0\r\nT: v\r\n\r\n",
       "POST /p helloyou;"},
      {"GET http://a.example:80/x?y HTTP/1.1\r\nHost: b\r\n\r\n", "GET /x?y ;"},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * ;"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", "GET / ;"},
  };
  for (const Case& c : cases) EXPECT_EQ(both(c.bytes), c.result) << c.bytes;
}

TEST(RequestHead, what_could_be_smuggled_is_refused) {
  const Case cases[] = {
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n\r\n",
       "refused 400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: "
       "5\r\n\r\n0\r\n\r\n",
       "refused 400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
       "refused 400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
       "refused 400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", "refused 400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", "refused 400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello", "refused 400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello", "refused 400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nhello", "refused 400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", "refused 400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello", "refused 400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "refused 400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
       "identity\r\n\r\n",
       "refused 400"},
      {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "refused 400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", "refused 400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", "refused 400"},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "refused 400"},
      {"GET / HTTP/1.1\nHost: a\n\n", "refused 400"},
      {"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "refused 400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "refused 400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01z\r\n\r\n", "refused 400"},
      {"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", "refused 400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n", "refused 400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX(y): b\r\n\r\n", "refused 400"},
      {"GET / HTTP/1.1\r\n\r\n", "refused 400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "refused 400"},
      {"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "refused 400"},
      {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "refused 400"},
      {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "refused 400"},
      {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", "refused 400"},
      {"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "refused 400"},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "refused 400"},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "refused 505"},
      {"GET / HTTP/3.7\r\nHost: a\r\n\r\n", "refused 505"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "refused 505"},
      {"FOO / HTTP/1.1\r\nHost: a\r\n\r\n", "refused 501"},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "refused 501"},
      {"GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", "refused 417"},
  };
  for (const Case& c : cases) EXPECT_EQ(both(c.bytes), c.result) << c.bytes;
}

TEST(RequestHead, a_bad_chunk_is_refused_where_it_stands) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const Case cases[] = {
      {"g\r\n", "refused"},
      {"-1\r\n", "refused"},
      {"0x5\r\nhello", "refused"},
      {"\r\nhello", "refused"},
      {"5\nhello", "refused"},
      {"5\r\nhelloo\r\n", "hellorefused"},
      {"5\r\nhello\n", "hellorefused"},
      {"11111111111111111\r\n", "refused"},
      {" 5\r\nhello", "refused"},
      {"5;a\nhello", "refused"},
      {"0\r\nX: a\n\r\n", "refused"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(both(head + c.bytes), std::string("POST / ") + c.result + " 400") << c.bytes;
  }
}

TEST(RequestHead, limits_hold_at_max_and_refuse_at_max_plus_one) {
  const auto target = [](size_t n) {
    return "GET /" + std::string(n - 1, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  EXPECT_TRUE(both(target(kLimits.target_bytes_max)).ends_with(";"));
  EXPECT_EQ(both(target(kLimits.target_bytes_max + 1)), "refused 414");
  EXPECT_EQ(both(std::string("GET /") + std::string(40'000, 'a')), "refused 414");
  EXPECT_EQ(both("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(40'000, 'a')), "refused 431");

  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 1; i < kLimits.fields_max; ++i) many += "X: y\r\n";
  EXPECT_EQ(both(many + "\r\n"), "GET / ;");
  EXPECT_EQ(both(many + "X: y\r\n\r\n"), "refused 431");

  std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  head += std::string(kLimits.head_bytes_max - head.size() - 4, 'a') + "\r\n\r\n";
  ASSERT_EQ(head.size(), kLimits.head_bytes_max);
  EXPECT_EQ(both(head), "GET / ;");
  head.insert(head.size() - 4, "a");
  EXPECT_EQ(both(head), "refused 431");
  EXPECT_EQ(both(head.substr(0, head.size() - 4) + "aaaa\n"), "refused 431")
      << "what lies behind is not judged";
}

TEST(RequestHead, says_what_the_connection_is_to_do) {
  std::vector<Field> fields;
  const auto parse = [&](std::string_view text) {
    return *parse_request_head(text, kLimits, fields);
  };
  EXPECT_TRUE(parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n").keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
  EXPECT_TRUE(
      parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
          .upgrade);
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n").upgrade);
  EXPECT_FALSE(
      parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n").upgrade);
  EXPECT_TRUE(
      parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n")
          .expect_continue);
  EXPECT_EQ(parse("GET http://x.example/ HTTP/1.1\r\nHost: a\r\n\r\n").host, "x.example");
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost:  a:80 \r\n\r\n").host, "a:80");
}

TEST(ResponseHead, framing_follows_rfc_9112_6_3) {
  const Case cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200 hi;"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "200 hi;"},
      {"HTTP/1.1 200 OK\r\n\r\nhi", "200 hi"},
      {"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", "204 ;"},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", "304 ;"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "100 ;200 ;"},
      {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 ;"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", "refused 502"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "refused 502"},
      {"ICY 200 OK\r\n\r\n", "refused 502"},
      {"HTTP/1.1 999 Odd\r\n\r\n", "refused 502"},
      {"HTTP/1.1 20 Odd\r\n\r\n", "refused 502"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(read<ResponseHead>(c.bytes), c.result) << c.bytes;
    EXPECT_EQ(read<ResponseHead>(c.bytes, 1), c.result) << c.bytes;
  }
}

TEST(ResponseHead, an_answer_to_head_has_no_body) {
  std::vector<Field> fields;
  const auto head =
      parse_response_head("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", kLimits, true, fields);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->framing, Framing::none);
  EXPECT_EQ(head->content_length, 2);
}

TEST(HopByHop, listed_and_well_known_names_are_dropped_but_never_the_framing) {
  const Field fields[] = {{"Connection", "close, X-Secret, Host, content-length"}};
  const HopByHop hops(fields);
  for (const char* name :
       {"connection", "Keep-Alive", "TE", "transfer-encoding", "x-secret", "upgrade"}) {
    EXPECT_TRUE(hops.drops(name)) << name;
  }
  for (const char* name : {"Host", "Content-Length", "Accept"})
    EXPECT_FALSE(hops.drops(name)) << name;
}

TEST(HopByHop, more_names_than_the_limit_are_noticed) {
  std::string list = "a0";
  for (size_t i = 1; i < HopByHop::kNamesMax; ++i) list += ", a" + std::to_string(i);
  const Field at_max[] = {{"Connection", list}};
  EXPECT_FALSE(HopByHop(at_max).overflowed());
  list += ", b";
  const Field above[] = {{"Connection", list}};
  EXPECT_TRUE(HopByHop(above).overflowed());
}

}  // namespace
}  // namespace sealane::wire::http
