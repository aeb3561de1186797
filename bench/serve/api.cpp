// SPDX-License-Identifier: Apache-2.0
// One lane of serve::Server for load tests: answers every request with 1 KiB, those under /signed
// only when their signature holds.
//   bench_serve_api 127.70.0.1:8000 [CREDENTIALS_FILE]
#include <signal.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "host/lane.h"
#include "host/log.h"
#include "host/meter.h"
#include "serve/server.h"
#include "wire/sigv4.h"

namespace {

using namespace sealane;

class Api final : public serve::Handler {
 public:
  Api(port::Clock& clock, wire::AwsKeyring keys) : clock_(clock), keys_(std::move(keys)) {}

  void on_request(const serve::Request& request, serve::Responder responder) override {
    if (request.path() == "/signed") {
      const auto identity = verifier_.verify(
          {request.method, request.target, request.fields, request.body, request.tls}, keys_,
          clock_.wall());
      if (!identity) {
        responder.answer(
            {.status = 400, .content_type = "text/plain", .body = identity.error().what});
        return;
      }
    }
    responder.answer({.content_type = "application/x-amz-json-1.0", .body = body_});
  }

 private:
  port::Clock& clock_;
  const wire::AwsKeyring keys_;
  wire::sigv4::Verifier verifier_;
  const std::string body_ = std::string(1024, 'x');
};

host::Loop* running = nullptr;

}  // namespace

int main(int argc, char** argv) {
  const auto at = argc > 1 ? SocketAddress::parse(argv[1]) : fail(Code::invalid, "which address?");
  if (!at) return std::fprintf(stderr, "%s\n", at.error().what.c_str()), 2;
  wire::AwsKeyring keys;
  if (argc > 2) {
    std::stringstream text;
    text << std::ifstream(argv[2]).rdbuf();
    auto parsed = wire::AwsKeyring::parse(text.str());
    if (!parsed) return std::fprintf(stderr, "%s\n", parsed.error().what.c_str()), 2;
    keys = std::move(*parsed);
  }
  host::Registry registry;
  host::Registry::LaneMeter meter(registry);
  host::JsonLog log("bench");
  host::HostLane lane({.seed = 1, .tls = nullptr, .log = log, .meter = meter});
  Api api(lane.lane().clock, std::move(keys));
  serve::Server server(lane.lane(), api, {.api = "bench"});
  const auto where = server.listen(*at);
  if (!where) return std::fprintf(stderr, "%s\n", where.error().what.c_str()), 1;
  std::printf("%s\n", where->to_string().c_str());
  std::fflush(stdout);
  running = &lane.loop();
  signal(SIGTERM, [](int) { running->stop(); });
  lane.loop().run();
}
