// SPDX-License-Identifier: Apache-2.0
// A lane that a test turns by hand, and a directory that goes when the test ends. Only for tests.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <string>

#include "host/lane.h"
#include "host/meter.h"

namespace sealane::host {

class TestDirectory {
 public:
  TestDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "sealane-test-XXXXXX").string();
    SL_ASSERT(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct TestLane {
  struct Quiet final : port::Log {
    void line(port::Level, std::string_view, std::string_view) override {}
  };
  port::Lane& lane() { return host.lane(); }
  // Turns the loop until done() or `max` has passed.
  bool run(const std::function<bool()>& done, Duration max) {
    Loop& loop = host.loop();
    loop.turn(0ms);
    const Instant start = loop.now();
    while (!done() && loop.now() - start < max) loop.turn(1ms);
    return done();
  }
  Quiet quiet;
  Registry registry;
  Registry::LaneMeter meter{registry};
  HostLane host{{.index = 0, .seed = 1, .tls = {}, .log = quiet, .meter = meter}};
};

}  // namespace sealane::host
