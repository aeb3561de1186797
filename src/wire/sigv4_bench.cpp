// SPDX-License-Identifier: Apache-2.0
// What a signature costs: a DynamoDB request of 1.2 KiB as botocore sends it. Goal: 4 us.
#include <benchmark/benchmark.h>

#include <vector>

#include "wire/sha256.h"
#include "wire/sigv4.h"

namespace {

using namespace sealane;
using namespace sealane::wire;

constexpr WallTime kNow(std::chrono::seconds(1'795'000'000));

struct Request {
  explicit Request(size_t body_bytes) : body(body_bytes, 'x') {
    fields = {{"X-Amz-Target", "DynamoDB_20120810.PutItem"},
              {"Content-Type", "application/x-amz-json-1.0"},
              {"Host", "dynamodb.eu-west-1.example.com:8000"}};
    sigv4::Signer().sign({"POST", "/", fields, body}, *keys.find("AKIDEXAMPLE"),
                         {"eu-west-1", "dynamodb"}, kNow, lines);
    const size_t second = lines.find("\r\n") + 2;
    fields.push_back({"X-Amz-Date", std::string_view(lines).substr(12, 16)});
    fields.push_back(
        {"Authorization", std::string_view(lines).substr(second + 15, lines.size() - second - 17)});
    fields.push_back({"User-Agent", "Boto3/1.26.27 Python/3.11.2 Linux/6.1 Botocore/1.29.27"});
    fields.push_back({"amz-sdk-invocation-id", "8f2b7a34-5c9e-4d4f-a3c5-3c1f7d6e2b90"});
    fields.push_back({"amz-sdk-request", "attempt=1"});
    fields.push_back({"Content-Length", "1229"});
  }
  AwsKeyring keys = AwsKeyring::parse(
                        "[default]\naws_access_key_id = AKIDEXAMPLE\n"
                        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n")
                        .value();
  std::string body, lines;
  std::vector<http::Field> fields;
};

void verify(benchmark::State& state) {
  const Request request{size_t(state.range(0))};
  sigv4::Verifier verifier;
  for (auto _ : state) {
    const auto identity =
        verifier.verify({"POST", "/", request.fields, request.body}, request.keys, kNow);
    SL_ASSERT(identity);
    benchmark::DoNotOptimize(identity);
  }
}
BENCHMARK(verify)->Arg(100)->Arg(1229)->Arg(400'000);

void sign(benchmark::State& state) {
  const Request request(1229);
  const std::span<const http::Field> fields(request.fields.data(), 3);
  sigv4::Signer signer;
  std::string lines;
  for (auto _ : state) {
    lines.clear();
    signer.sign({"POST", "/", fields, request.body}, *request.keys.find("AKIDEXAMPLE"),
                {"eu-west-1", "dynamodb"}, kNow, lines);
    benchmark::DoNotOptimize(lines);
  }
}
BENCHMARK(sign);

void sha256_of_the_body(benchmark::State& state) {
  const Request request(1229);
  Sha256 sha;
  for (auto _ : state) benchmark::DoNotOptimize(sha.of(request.body));
}
BENCHMARK(sha256_of_the_body);

}  // namespace
