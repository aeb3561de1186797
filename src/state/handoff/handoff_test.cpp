// SPDX-License-Identifier: Apache-2.0
// Byte by byte, with the server held by the test: what is asked of it, what of its answers goes
// back, and what becomes of a request when it fails in every manner.
#include "state/handoff/handoff.h"

#include <gtest/gtest.h>

#include <deque>
#include <optional>

#include "port/fake_net.h"

namespace sealane::state {
namespace {

namespace fake = port::fake;
using Peer = std::shared_ptr<fake::Peer>;

struct FakeNames final : port::Names {
  void resolve(const std::string& name, Done done) override {
    asked.push_back({name, std::move(done)});
  }
  std::deque<std::pair<std::string, Done>> asked;
};

const wire::AwsKey kClientKey{
    .profile = "default", .access_key = "AKIDCLIENT", .secret = "client", .services = {}};
const wire::AwsKey kServerKey{
    .profile = "aws", .access_key = "AKIDSERVER", .secret = "server", .services = {}};

std::shared_ptr<const wire::AwsKeyring> client_keys() {
  return std::make_shared<const wire::AwsKeyring>(*wire::AwsKeyring::parse(
      "[default]\naws_access_key_id=AKIDCLIENT\naws_secret_access_key=client\n"
      "[reader]\naws_access_key_id=AKIDREADER\naws_secret_access_key=reader\nsealane_access="
      "read\n"));
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }
std::string line_of(const std::string& text, std::string_view name) {
  const size_t at = text.find("\r\n" + std::string(name) + ": ");
  if (at == text.npos) return "";
  const size_t begin = at + name.size() + 4;
  return text.substr(begin, text.find("\r\n", begin) - begin);
}
std::string body_of(const std::string& text) {
  const size_t at = text.find("\r\n\r\n");
  return at == text.npos ? "" : text.substr(at + 4);
}
std::string http(int status, const std::string& body, const std::string& lines = "") {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + lines + "\r\n" + body;
}
std::string refusal(const std::string& type) {
  return R"({"__type":"com.amazon.coral.service#)" + type + R"(","message":"m"})";
}

class HandoffTest : public testing::Test {
 protected:
  void open(
      const std::string& url = "http://192.0.2.80:8000",
      const std::function<void(PoolLimits&)>& change = [](auto&) {}) {
    Caller::Options caller{.endpoint = *endpoint_of(url, "", "us-east-1"),
                           .load_key = [this]() -> Result<wire::AwsKey> {
                             ++key_loads;
                             return key;
                           },
                           .limits = {}};
    change(caller.limits);
    handoff.emplace(lane.lane, names,
                    Handoff::Options{.region = "us-east-1",
                                     .regions = {"us-east-1", "eu-west-1"},
                                     .keys = client_keys(),
                                     .caller = std::move(caller),
                                     .limits = {}});
    ASSERT_TRUE(handoff->listen({IpAddress::v4(127, 0, 0, 1), 8000}));
  }
  Peer client() { return lane.call({IpAddress::v4(192, 0, 2, 1), 4000}); }
  std::string signed_request(const std::string& operation, const std::string& body,
                             const wire::AwsKey& by = kClientKey,
                             const std::string& service = "DynamoDB",
                             const std::string& lines = "") {
    const std::string target = service + "_20120810." + operation;
    const wire::http::Field fields[] = {{"Host", "node:8000"},
                                        {"Content-Type", "application/x-amz-json-1.0"},
                                        {"X-Amz-Target", target}};
    std::string text = "POST / HTTP/1.1\r\n";
    for (const auto& field : fields)
      text.append(field.name).append(": ").append(field.value).append("\r\n");
    signer.sign({.method = "POST", .target = "/", .fields = fields, .body = body}, by,
                {.region = "eu-west-1", .service = "dynamodb"}, lane.lane.clock.wall(), text);
    return text + lines + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  // A request on its way: its client, and the server's end when a connection was opened for it.
  std::pair<Peer, Peer> ask(const std::string& operation = "PutItem",
                            const std::string& body = "{}") {
    const Peer from = client();
    from->send(signed_request(operation, body));
    return {from, lane.next_connect()};
  }
  static int status(const Peer& peer) {
    return peer->got.starts_with("HTTP/1.1 ") ? std::stoi(peer->got.substr(9, 3)) : 0;
  }
  static std::string type(const Peer& peer) {
    const std::string body = body_of(peer->got);
    const size_t hash = body.find('#');
    return hash == body.npos ? "" : body.substr(hash + 1, body.find('"', hash) - hash - 1);
  }

  fake::Lane lane;
  FakeNames names;
  wire::AwsKey key = kServerKey;
  int key_loads = 0;
  wire::sigv4::Signer signer;
  std::optional<Handoff> handoff;
};

// ── requests ─────────────────────────────────────────────────────────────────────────────────────

TEST_F(HandoffTest, a_request_goes_on_signed_anew_and_its_answer_comes_back_as_it_is) {
  open();
  const Peer from = client();
  from->send(signed_request("PutItem", R"({"TableName":"t"})", kClientKey, "DynamoDB",
                            "User-Agent: boto\r\nX-Sealane-Session: t\r\nCookie: "
                            "secret\r\namz-sdk-request: attempt=1\r\n"));
  const Peer server = lane.next_connect();
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(server->far, (SocketAddress{IpAddress::v4(192, 0, 2, 80), 8000}));
  EXPECT_FALSE(server->options.tls);
  server->open_up();
  const std::string sent = server->read();
  EXPECT_TRUE(sent.starts_with("POST / HTTP/1.1\r\nHost: 192.0.2.80:8000\r\n")) << sent;
  EXPECT_EQ(line_of(sent, "X-Amz-Target"), "DynamoDB_20120810.PutItem");
  EXPECT_TRUE(
      line_of(sent, "Authorization")
          .starts_with("AWS4-HMAC-SHA256 Credential=AKIDSERVER/20300101/us-east-1/dynamodb/"));
  EXPECT_EQ(line_of(sent, "User-Agent"), "boto");
  EXPECT_EQ(line_of(sent, "amz-sdk-request"), "attempt=1");
  EXPECT_FALSE(has(sent, "AKIDCLIENT") || has(sent, "Cookie") || has(sent, "Sealane") ||
               has(sent, "Security-Token"));
  EXPECT_EQ(body_of(sent), R"({"TableName":"t"})");

  server->send(http(400, R"({"a":1})",
                    "Content-Type: application/x-amz-json-1.0\r\nx-amz-crc32: "
                    "7\r\nx-amzn-RequestId: R\r\nDate: then\r\n"
                    "x-sealane-session: s\r\nKeep-Alive: 5\r\nContent-Encoding: gzip\r\n"));
  EXPECT_EQ(status(from), 400);
  EXPECT_EQ(body_of(from->got), R"({"a":1})");
  EXPECT_EQ(line_of(from->got, "x-amz-crc32"), "7");
  EXPECT_EQ(line_of(from->got, "x-amzn-RequestId"), "R");
  EXPECT_EQ(line_of(from->got, "Content-Encoding"), "gzip");
  EXPECT_EQ(line_of(from->got, "Content-Type"), "application/x-amz-json-1.0");
  EXPECT_FALSE(has(from->got, "sealane") || has(from->got, "Keep-Alive") || has(from->got, "then"))
      << from->got;
}

TEST_F(HandoffTest, who_may_not_is_refused_here) {
  open();
  const wire::AwsKey stranger{
      .profile = "x", .access_key = "AKIDCLIENT", .secret = "wrong", .services = {}};
  const wire::AwsKey reader{
      .profile = "x", .access_key = "AKIDREADER", .secret = "reader", .services = {}};
  const auto refused = [&](const std::string& request) {
    const Peer from = client();
    from->send(request);
    EXPECT_EQ(lane.next_connect(), nullptr);
    return std::to_string(status(from)) + " " + type(from);
  };
  EXPECT_EQ(refused(signed_request("PutItem", "{}", stranger)), "400 InvalidSignatureException");
  EXPECT_EQ(refused(signed_request("PutItem", "{}", kServerKey)),
            "400 UnrecognizedClientException");
  EXPECT_EQ(refused(signed_request("PutItem", "{}", reader)), "400 AccessDeniedException");
  EXPECT_EQ(refused(signed_request("ExecuteStatement", "{}", reader)), "400 AccessDeniedException")
      << "it may write";
  EXPECT_EQ(refused(signed_request("Put.Item", "{}")), "400 UnknownOperationException");
  EXPECT_EQ(refused(signed_request("PutItem", "{}", kClientKey, "DynamoDBX")),
            "400 UnknownOperationException");
  const Peer from = client();
  from->send(signed_request("Query", "{}", reader));
  EXPECT_NE(lane.next_connect(), nullptr) << "reading is what it may";
}

TEST_F(HandoffTest, reads_are_told_by_their_names) {
  for (const char* name : {"GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems",
                           "DescribeTable", "ListStreams"}) {
    EXPECT_TRUE(is_read(name)) << name;
  }
  for (const char* name :
       {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems",
        "CreateTable", "ExecuteStatement", "RestoreTableFromBackup", "Forget", ""}) {
    EXPECT_FALSE(is_read(name)) << name;
  }
}

TEST_F(HandoffTest,
       aws_is_spoken_to_over_tls_with_its_certificate_checked_and_streams_at_their_own_host) {
  key.session_token = "TOKEN";
  open("https://dynamodb.eu-west-1.amazonaws.com");
  const Peer one = client(), two = client();
  one->send(signed_request("GetItem", "{}"));
  two->send(signed_request("ListStreams", "{}", kClientKey, "DynamoDBStreams"));
  EXPECT_EQ(lane.next_connect(), nullptr) << "the addresses are not known yet";
  ASSERT_EQ(names.asked.size(), 2u);
  EXPECT_EQ(names.asked[0].first, "dynamodb.eu-west-1.amazonaws.com");
  EXPECT_EQ(names.asked[1].first, "streams.dynamodb.eu-west-1.amazonaws.com");
  names.asked[0].second(std::vector{IpAddress::v4(192, 0, 2, 8)});
  const Peer tables = lane.next_connect();
  ASSERT_NE(tables, nullptr);
  EXPECT_EQ(tables->far, (SocketAddress{IpAddress::v4(192, 0, 2, 8), 443}));
  EXPECT_TRUE(tables->options.tls && tables->options.tls_verify);
  EXPECT_EQ(tables->options.tls_name, "dynamodb.eu-west-1.amazonaws.com");
  tables->open_up();
  EXPECT_EQ(line_of(tables->got, "Host"), "dynamodb.eu-west-1.amazonaws.com");
  EXPECT_EQ(line_of(tables->got, "X-Amz-Security-Token"), "TOKEN");
  EXPECT_TRUE(has(line_of(tables->got, "Authorization"), "/eu-west-1/dynamodb/aws4_request"));
  EXPECT_TRUE(has(line_of(tables->got, "Authorization"), "x-amz-security-token"));
  names.asked[1].second(std::vector{IpAddress::v4(192, 0, 2, 9)});
  const Peer streams = lane.next_connect();
  ASSERT_NE(streams, nullptr);
  streams->open_up();
  EXPECT_EQ(line_of(streams->got, "Host"), "streams.dynamodb.eu-west-1.amazonaws.com");
  EXPECT_EQ(line_of(streams->got, "X-Amz-Target"), "DynamoDBStreams_20120810.ListStreams");
}

// ── connections ──────────────────────────────────────────────────────────────────────────────────

TEST_F(HandoffTest, a_connection_is_kept_and_used_again_and_closed_before_the_server_does) {
  open();
  const auto [from, server] = ask();
  server->open_up();
  server->send(http(200, "{}"));
  EXPECT_EQ(status(from), 200);
  EXPECT_EQ(ask().second, nullptr) << "the same connection";
  server->send(http(200, "{}"));
  EXPECT_EQ(handoff->caller().connection_count(), 1u);
  lane.advance(Pool::kRestMax - 1ms);
  EXPECT_FALSE(server->closed);
  lane.advance(2ms);
  EXPECT_TRUE(server->closed);
  EXPECT_EQ(handoff->caller().connection_count(), 0u);
}

TEST_F(HandoffTest, an_answer_in_any_pieces_is_one_answer) {
  open();
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx-amz-crc32: "
      "9\r\n\r\n3\r\n{\"a\r\n4;x=y\r\n\":1}\r\n0\r\n\r\n";
  for (const std::string& answer : {http(200, R"({"a":1})", "x-amz-crc32: 9\r\n"), chunked,
                                    "HTTP/1.1 100 Continue\r\n\r\n" + chunked}) {
    for (size_t cut = 0; cut < answer.size(); ++cut) {
      const auto [from, fresh] = ask();
      static Peer server;
      if (fresh) (server = fresh)->open_up();
      server->send(answer.substr(0, cut));
      server->send(answer.substr(cut));
      ASSERT_EQ(body_of(from->got), R"({"a":1})") << cut;
      ASSERT_EQ(line_of(from->got, "x-amz-crc32"), "9");
    }
  }
  EXPECT_EQ(handoff->caller().connection_count(), 1u);
}

TEST_F(HandoffTest, an_answer_may_end_with_the_connection) {
  open();
  const auto [from, server] = ask();
  server->open_up();
  server->send("HTTP/1.1 200 OK\r\n\r\n{\"a\"");
  server->send(":1}");
  EXPECT_EQ(status(from), 0);
  server->end();
  EXPECT_EQ(body_of(from->got), R"({"a":1})");
  EXPECT_EQ(handoff->caller().connection_count(), 0u);
}

TEST_F(HandoffTest, a_connection_that_says_more_than_was_asked_is_not_used_again) {
  open();
  const auto [from, server] = ask();
  server->open_up();
  server->send(http(200, "{}") + http(200, "for somebody else"));
  EXPECT_EQ(body_of(from->got), "{}");
  EXPECT_TRUE(server->closed);
  const auto [second, next] = ask();
  ASSERT_NE(next, nullptr);
  next->open_up();
  next->send(http(200, "{}", "Connection: close\r\n"));
  EXPECT_EQ(status(second), 200);
  EXPECT_TRUE(next->closed);
}

// ── when the server fails ────────────────────────────────────────────────────────────────────────

TEST_F(HandoffTest, a_server_that_is_away_is_a_500_that_sdks_repeat) {
  open();
  const auto [from, server] = ask();
  server->refuse();
  EXPECT_EQ(status(from), 500);
  EXPECT_EQ(type(from), "InternalServerError");
  EXPECT_TRUE(has(from->got, "192.0.2.80:8000"));
  EXPECT_NE(line_of(from->got, "x-amz-crc32"), "");
  EXPECT_NE(line_of(from->got, "x-amzn-RequestId"), "");
  EXPECT_FALSE(handoff->caller().health().is_reachable);
  const auto [slow, hanging] = ask();
  hanging->time_out();
  EXPECT_EQ(status(slow), 500);
  const auto [again, back] = ask();
  back->open_up();
  back->send(http(200, "{}"));
  EXPECT_EQ(status(again), 200);
  EXPECT_TRUE(handoff->caller().health().is_reachable);
}

TEST_F(HandoffTest, addresses_are_tried_one_after_another_as_long_as_nothing_was_sent) {
  open("http://db.test:8000");
  const Peer from = client();
  from->send(signed_request("PutItem", "{}"));
  const auto ip = [](uint8_t last) { return IpAddress::v4(192, 0, 2, last); };
  names.asked[0].second(std::vector{ip(1), ip(2), ip(3), ip(4)});
  for (uint8_t last = 1; last <= 3; ++last) {
    const Peer server = lane.next_connect();
    ASSERT_NE(server, nullptr);
    EXPECT_EQ(server->far.ip, ip(last));
    EXPECT_EQ(status(from), 0);
    server->refuse();
  }
  EXPECT_EQ(lane.next_connect(), nullptr) << Pool::kTriesMax << " are enough";
  EXPECT_EQ(status(from), 500);
  const auto [next, server] = ask();
  EXPECT_EQ(server->far.ip, ip(4)) << "it goes on where it was";
  EXPECT_EQ(names.asked.size(), 2u) << "and asks where the server is by now";
  server->open_up();
  names.asked[1].second(fail(Code::not_found, "gone"));
  server->send(http(200, "{}"));
  EXPECT_EQ(status(next), 200) << "older addresses go on";
}

TEST_F(HandoffTest, a_name_without_address_is_told_to_all_who_wait) {
  open("http://db.test:8000");
  const Peer one = client(), two = client();
  one->send(signed_request("PutItem", "{}"));
  two->send(signed_request("PutItem", "{}"));
  ASSERT_EQ(names.asked.size(), 1u);
  names.asked[0].second(fail(Code::not_found, "cannot resolve db.test"));
  EXPECT_EQ(status(one), 500);
  EXPECT_TRUE(has(two->got, "cannot resolve db.test"));
  const Peer three = client();
  three->send(signed_request("PutItem", "{}"));
  ASSERT_EQ(names.asked.size(), 2u);
  lane.advance(Pool::kLookUpMax);
  EXPECT_EQ(status(three), 500) << "a resolver may take for ever";
  names.asked[1].second(std::vector{IpAddress::v4(192, 0, 2, 1)});
  EXPECT_EQ(lane.next_connect(), nullptr) << "too late";
}

TEST_F(HandoffTest, a_kept_connection_that_breaks_is_made_good_for_reads_only) {
  for (const bool reads : {true, false}) {
    open();
    const auto [first, kept] = ask();
    kept->open_up();
    kept->send(http(200, "{}"));
    const auto [from, none] = ask(reads ? "GetItem" : "PutItem");
    EXPECT_EQ(none, nullptr);
    kept->end();
    const Peer fresh = lane.next_connect();
    ASSERT_EQ(fresh != nullptr, reads);
    if (!reads) {
      EXPECT_EQ(status(from), 500) << "it may have been done: the SDK knows whether to repeat it";
      continue;
    }
    fresh->open_up();
    EXPECT_EQ(line_of(fresh->got, "X-Amz-Target"), "DynamoDB_20120810.GetItem");
    fresh->break_off();
    EXPECT_EQ(status(from), 500) << "a fresh one is not made good";
    EXPECT_EQ(lane.next_connect(), nullptr);
  }
}

TEST_F(HandoffTest, an_answer_that_breaks_off_or_is_no_http_is_a_500) {
  open();
  for (const std::string& broken :
       {std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), std::string("SSH-2.0-x\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")}) {
    const auto [from, server] = ask("GetItem");
    ASSERT_NE(server, nullptr) << broken;
    server->open_up();
    server->send(broken);
    server->end();
    EXPECT_EQ(status(from), 500) << broken;
    EXPECT_EQ(type(from), "InternalServerError");
    EXPECT_EQ(handoff->caller().connection_count(), 0u);
  }
}

TEST_F(HandoffTest, a_request_that_is_not_answered_in_time_is_a_500) {
  open();
  const auto [from, server] = ask();
  server->open_up();
  server->send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
  const Duration max = PoolLimits{}.call_timeout;
  lane.advance(max - 1ms);
  server->send("{");  // dripping buys no time
  EXPECT_EQ(status(from), 0);
  lane.advance(2ms);
  EXPECT_EQ(status(from), 500);
  EXPECT_TRUE(server->closed);
}

// ── limits ───────────────────────────────────────────────────────────────────────────────────────

TEST_F(HandoffTest, no_more_connections_than_may_be_and_no_more_waiting) {
  open("http://192.0.2.80:8000", [](PoolLimits& l) { l.connections_max = 2, l.waiting_max = 3; });
  std::vector<Peer> clients, servers;
  for (int i = 0; i < 6; ++i) {
    const auto [from, server] = ask();
    clients.push_back(from);
    if (server) servers.push_back(server);
  }
  ASSERT_EQ(servers.size(), 2u);
  EXPECT_EQ(handoff->caller().waiting_count(), 3u);
  EXPECT_EQ(status(clients[5]), 503);
  EXPECT_EQ(type(clients[5]), "ServiceUnavailable");
  for (const Peer& server : servers) server->open_up();
  servers[1]->send(http(200, "2"));
  servers[0]->send(http(200, "1"));
  servers[0]->send(http(200, "4"));
  servers[1]->send(http(200, "3"));
  servers[0]->send(http(200, "5"));
  // In the order of their coming: the third took the connection that was free first.
  const std::string expected[] = {"1", "2", "3", "4", "5"};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(body_of(clients[size_t(i)]->got), expected[i]) << i;
  EXPECT_EQ(handoff->caller().connection_count(), 2u);
}

TEST_F(HandoffTest, who_waits_too_long_for_a_connection_is_told) {
  open("http://192.0.2.80:8000", [](PoolLimits& l) { l.connections_max = 1; });
  const auto [first, server] = ask();
  server->open_up();
  lane.advance(4s);
  const auto [second, none] = ask();
  lane.advance(PoolLimits{}.call_timeout - 4s);
  EXPECT_EQ(status(first), 500);
  const Peer fresh = lane.next_connect();
  ASSERT_NE(fresh, nullptr) << "the second has its turn";
  EXPECT_EQ(status(second), 0);
  lane.advance(4s);
  EXPECT_EQ(status(second), 500);
}

TEST_F(HandoffTest, who_left_meanwhile_is_not_asked_for) {
  open("http://192.0.2.80:8000", [](PoolLimits& l) { l.connections_max = 1; });
  const auto [first, server] = ask();
  server->open_up();
  server->read();
  const auto [second, none] = ask("DeleteItem");
  second->break_off();
  server->send(http(200, "{}"));
  EXPECT_EQ(server->read(), "");
  EXPECT_EQ(handoff->pending_count(), 0u);
  EXPECT_TRUE(handoff->caller().health().is_reachable);
}

TEST_F(HandoffTest, answers_have_a_limit_each_and_together) {
  open("http://192.0.2.80:8000",
       [](PoolLimits& l) { l.answer_bytes_max = 1000, l.buffered_bytes_max = 1500; });
  const auto [most, exact] = ask();
  exact->open_up();
  exact->send(http(200, std::string(1000, 'x')));
  EXPECT_EQ(status(most), 200);
  const auto [said, none] = ask();
  exact->send("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_EQ(status(said), 503);
  const auto [unsaid, chunked] = ask();
  chunked->open_up();
  chunked->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
                std::string(1001, 'x'));
  EXPECT_EQ(status(unsaid), 503);

  const auto [one, a] = ask();
  const auto [two, b] = ask();
  a->open_up(), b->open_up();
  const std::string begun =
      "HTTP/1.1 200 OK\r\nContent-Length: 800\r\n\r\n" + std::string(751, 'x');
  a->send(begun);
  b->send(begun);
  EXPECT_EQ(status(two), 503) << "together too much";
  a->send(std::string(49, 'x'));
  EXPECT_EQ(status(one), 200);
  const auto [three, kept] = ask();
  EXPECT_EQ(kept, nullptr);
  a->send(http(200, std::string(1000, 'x')));
  EXPECT_EQ(status(three), 200) << "what was held is free again";
}

// ── keys ─────────────────────────────────────────────────────────────────────────────────────────

TEST_F(HandoffTest, a_key_that_was_exchanged_is_read_again_when_the_old_one_is_refused) {
  open();
  EXPECT_EQ(key_loads, 1);
  lane.advance(Caller::kLoadKeyEvery);
  key.access_key = "AKIDNEXT";
  const auto [from, server] = ask();
  server->open_up();
  server->read();
  server->send(http(400, refusal("ExpiredTokenException")));
  EXPECT_TRUE(has(server->read(), "Credential=AKIDNEXT/"));
  EXPECT_EQ(status(from), 0);
  server->send(http(200, "{}"));
  EXPECT_EQ(status(from), 200);
  EXPECT_EQ(key_loads, 2);
}

TEST_F(HandoffTest, a_key_that_the_server_does_not_take_is_not_the_clients_fault) {
  open();
  const auto [from, server] = ask();
  server->open_up();
  server->send(http(400, refusal("UnrecognizedClientException")));
  EXPECT_EQ(status(from), 500);
  EXPECT_EQ(type(from), "InternalServerError");
  EXPECT_TRUE(has(from->got, "refuses this node's key")) << from->got;
  EXPECT_FALSE(handoff->caller().health().is_reachable);
  const auto [denied, none] = ask();
  server->send(http(400, refusal("AccessDeniedException")));
  EXPECT_EQ(type(denied), "AccessDeniedException") << "that is for the operator to read";
}

TEST_F(HandoffTest, without_a_key_nothing_is_asked) {
  open();
  handoff.reset();
  bool has_key = false;
  Caller caller(lane.lane, names,
                {.endpoint = *endpoint_of("http://192.0.2.80:8000", "", "r"),
                 .load_key = [&]() -> Result<wire::AwsKey> {
                   if (!has_key) return fail(Code::not_found, "no file");
                   return kServerKey;
                 },
                 .limits = {}});
  const Status refused =
      caller.call({.operation = "GetItem", .body = "{}"}, [](const auto&) { FAIL(); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "this node has no key for 192.0.2.80:8000: no file");
  has_key = true;
  lane.advance(Caller::kLoadKeyEvery);
  EXPECT_TRUE(caller.call({.operation = "GetItem", .body = "{}"}, [](const auto&) {}));
}

// ── ends ─────────────────────────────────────────────────────────────────────────────────────────

TEST_F(HandoffTest, a_drain_ends_with_every_request_answered) {
  open();
  const auto [from, server] = ask();
  server->open_up();
  handoff->drain();
  EXPECT_EQ(handoff->pending_count(), 1u);
  server->send(http(200, "{}"));
  EXPECT_EQ(status(from), 200);
  EXPECT_TRUE(has(from->got, "Connection: close"));
  EXPECT_EQ(handoff->pending_count(), 0u);
}

TEST_F(HandoffTest, the_end_in_the_middle_leaves_nothing) {
  open("http://192.0.2.80:8000", [](PoolLimits& l) { l.connections_max = 1; });
  const auto [one, server] = ask();
  const auto [two, none] = ask();
  server->open_up();
  handoff.reset();
  EXPECT_TRUE(server->closed);
  lane.advance(60s);
}

TEST(AwsErrors, are_read_or_are_none) {
  EXPECT_EQ(aws_error_of(R"({"__type":"a#Type","message":"m"})").type, "Type");
  EXPECT_EQ(aws_error_of(R"({"__type":"Type","Message":"m"})").message, "m");
  for (const char* body : {"", "x", "[]", "{}", R"({"__type":7})", R"({"__type")"})
    EXPECT_EQ(aws_error_of(body).type, "") << body;
}

}  // namespace
}  // namespace sealane::state
