// SPDX-License-Identifier: Apache-2.0
// Closed-loop load on a server with DynamoDB's API, or on redis: every connection sends its next
// request when the last one is answered. All requests are made and signed before the clock starts,
// so that the client is not what is slow. One line of JSON at the end.
#include "client.h"

namespace {

using bench::die;
using bench::now_ns;

constexpr int kQueryItems = 10;
constexpr int64_t kWarmUp_ns = 200'000'000;
constexpr int64_t kPatience_ns = 10'000'000'000;
constexpr size_t kItemBytes = 1024;
constexpr size_t kRequestsMax = 20'000;  // that differ

struct Options {
  std::string address, operation, credentials = "-", region = "us-east-1";
  size_t connections = 16, keys = 20'000;
  double seconds = 1;  // 0: every request once, in order
};

// Weyl's sequence, mixed: every run draws the same keys.
uint64_t mixed(uint64_t i) {
  uint64_t z = i * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  return z ^ (z >> 31);
}

std::string id_of(uint64_t key) { return fmt::format("session-{:08}", key); }

// An item of 1 KiB as DynamoDB counts: a session of an agent, with a list that is short at first.
std::string item_json(std::string_view key_members, size_t key_bytes) {
  const std::string text(kItemBytes - key_bytes - 60, 'x');
  return fmt::format(
      R"({{{},"who":{{"S":"traveller"}},"step":{{"N":"17"}},"is_open":{{"BOOL":true}},)"
      R"("turns":{{"L":[{{"S":"hello"}}]}},"text":{{"S":"{}"}}}})",
      key_members, text);
}

std::string api_request(bench::Writer& writer, std::string_view operation, uint64_t key) {
  const std::string id = id_of(key);
  const std::string key_json = fmt::format(R"("id":{{"S":"{}"}})", id);
  if (operation == "get") {
    return writer.request("GetItem",
                          fmt::format(R"({{"TableName":"items","Key":{{{}}}}})", key_json));
  }
  if (operation == "put") {
    return writer.request("PutItem", fmt::format(R"({{"TableName":"items","Item":{}}})",
                                                 item_json(key_json, id.size() + 2)));
  }
  if (operation == "append") {
    return writer.request(
        "UpdateItem",
        fmt::format(R"({{"TableName":"items","Key":{{{}}},)"
                    R"_("UpdateExpression":"SET turns = list_append(turns, :t)",)_"
                    R"("ExpressionAttributeValues":{{":t":{{"L":[{{"S":"and on"}}]}}}}}})",
                    key_json));
  }
  if (operation == "query") {
    return writer.request(
        "Query", fmt::format(R"({{"TableName":"turns","KeyConditionExpression":"thread = :t",)"
                             R"("ExpressionAttributeValues":{{":t":{{"S":"{}"}}}}}})",
                             id));
  }
  if (operation == "put_turn") {  // fills what `query` reads: ten of one thread
    const std::string thread = id_of(key / kQueryItems);
    const std::string turn_key =
        fmt::format(R"("thread":{{"S":"{}"}},"n":{{"N":"{}"}})", thread, key % kQueryItems);
    return writer.request("PutItem", fmt::format(R"({{"TableName":"turns","Item":{}}})",
                                                 item_json(turn_key, thread.size() + 9)));
  }
  if (operation == "create") {
    constexpr std::string_view kItems = R"({"TableName":"items","BillingMode":"PAY_PER_REQUEST",
      "AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],
      "KeySchema":[{"AttributeName":"id","KeyType":"HASH"}]})";
    constexpr std::string_view kTurns = R"({"TableName":"turns","BillingMode":"PAY_PER_REQUEST",
      "AttributeDefinitions":[{"AttributeName":"thread","AttributeType":"S"},{"AttributeName":"n","AttributeType":"N"}],
      "KeySchema":[{"AttributeName":"thread","KeyType":"HASH"},{"AttributeName":"n","KeyType":"RANGE"}]})";
    return writer.request("CreateTable", key == 0 ? kItems : kTurns);
  }
  std::fprintf(stderr, "no operation %.*s\n", int(operation.size()), operation.data());
  std::exit(2);
}

std::string redis_request(std::string_view operation, uint64_t key) {
  const std::string id = id_of(key), text(kItemBytes, 'x');
  if (operation == "redis_get")
    return fmt::format("*2\r\n$3\r\nGET\r\n${}\r\n{}\r\n", id.size(), id);
  return fmt::format("*3\r\n$3\r\nSET\r\n${}\r\n{}\r\n${}\r\n{}\r\n", id.size(), id, text.size(),
                     text);
}

std::vector<std::string> all_requests(const Options& options) {
  const bool is_redis = options.operation.starts_with("redis_");
  const bool is_in_order = options.seconds == 0;
  std::vector<std::string> all(is_in_order ? options.keys : std::min(options.keys, kRequestsMax));
  if (is_redis) {
    for (size_t i = 0; i < all.size(); ++i) {
      all[i] = redis_request(options.operation, is_in_order ? i : mixed(i) % options.keys);
    }
    return all;
  }
  bench::Writer writer(options.address, options.region, options.credentials);
  for (size_t i = 0; i < all.size(); ++i) {
    all[i] = api_request(writer, options.operation, is_in_order ? i : mixed(i) % options.keys);
  }
  return all;
}

struct Connection {
  int fd = -1;
  int64_t sent_at = 0;  // 0: idle
  std::string received;
};

struct Load {
  Options options;
  std::vector<std::string> requests;
  std::vector<Connection> connections;
  std::vector<int64_t> latency_ns;
  size_t next = 0, open = 0;
  // total: with those of the warm-up
  uint64_t total = 0, answered = 0, refused = 0, body_bytes = 0;
  std::string first_refusal;
  bool is_counting = false, is_stopping = false;

  void send_next(Connection& connection) {
    if (options.seconds == 0 && next == requests.size()) is_stopping = true;
    if (is_stopping) return;
    connection.sent_at = now_ns();
    ++open;
    bench::send_all(connection.fd, requests[next++ % requests.size()]);
  }

  void receive(Connection& connection) {
    if (!bench::receive_more(connection.fd, connection.received)) return;
    bench::Answer answer;
    size_t taken = 0;
    const bool is_redis = options.operation.starts_with("redis_");
    if (!(is_redis ? bench::take_resp : bench::take_http)(connection.received, answer, taken))
      return;
    --open;
    ++total;
    if (!answer.is_good) {
      ++refused;
      if (first_refusal.empty()) first_refusal = answer.body.empty() ? answer.head : answer.body;
    } else if (is_counting) {
      ++answered;
      body_bytes += answer.body.size();
      latency_ns.push_back(now_ns() - connection.sent_at);
    }
    connection.received.erase(0, taken);
    send_next(connection);
  }

  void run() {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    const sockaddr_in to = bench::address(options.address);
    for (uint32_t i = 0; i < connections.size(); ++i)
      connections[i].fd = bench::connect_to(to, epoll, i);
    const int64_t begin = now_ns(), counts_from = begin + (options.seconds > 0 ? kWarmUp_ns : 0);
    const int64_t stop =
        options.seconds > 0 ? counts_from + int64_t(options.seconds * 1e9) : INT64_MAX;
    int64_t last = begin, heard = begin;
    for (Connection& connection : connections) send_next(connection);
    std::vector<epoll_event> events(connections.size());
    while (open > 0) {
      // Never asleep: to wake a client costs the sender more than an answer does, and here that
      // would be the server.
      const int ready = epoll_wait(epoll, events.data(), int(events.size()), 0);
      const int64_t now = now_ns();
      if (ready > 0) heard = now;
      if (now > heard + kPatience_ns) die("no answer for ten seconds");
      is_counting = now >= counts_from && now < stop;
      if (is_counting) last = now;
      is_stopping = is_stopping || now >= stop;
      for (int i = 0; i < ready; ++i) receive(connections[events[size_t(i)].data.u32]);
    }
    fmt::print(
        "{{\"total\": {}, \"elapsed\": {:.3f}, \"answered\": {}, \"seconds\": {:.3f}, \"refused\": "
        "{}, "
        "\"body_bytes\": {}, \"p50_us\": {:.1f}, \"p99_us\": {:.1f}}}\n",
        total, double(now_ns() - begin) / 1e9, answered,
        double(last - std::min(last, counts_from)) / 1e9, refused, body_bytes,
        bench::percentile_us(latency_ns, 0.5), bench::percentile_us(latency_ns, 0.99));
    if (refused > 0) fmt::print(stderr, "{} refused, the first: {}\n", refused, first_refusal);
  }
};

int usage() {
  std::fprintf(stderr,
               "usage: bench_state_load IPv4:port OPERATION [--connections N] [--keys N] "
               "[--seconds S] [--credentials FILE] "
               "[--region NAME]\n"
               "  get put append query put_turn create redis_get redis_set; --seconds 0 sends each "
               "request once\n");
  return 2;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3 || count % 2 == 0) return usage();
  Load load;
  Options& options = load.options;
  options.address = arguments[1];
  options.operation = arguments[2];
  for (int i = 3; i + 1 < count; i += 2) {
    const std::string_view name = arguments[i], value = arguments[i + 1];
    if (name == "--connections") options.connections = size_t(std::stoul(std::string(value)));
    else if (name == "--keys") options.keys = size_t(std::stoul(std::string(value)));
    else if (name == "--seconds") options.seconds = std::stod(std::string(value));
    else if (name == "--credentials") options.credentials = value;
    else if (name == "--region") options.region = value;
    else return usage();
  }
  load.requests = all_requests(options);
  load.connections.resize(options.connections);
  load.latency_ns.reserve(1 << 20);
  load.run();
  return load.refused == 0 ? 0 : 1;
}
