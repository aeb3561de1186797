// SPDX-License-Identifier: Apache-2.0
// A real nats-server as a child process, on an address of its own. Only for tests.
#pragma once

#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <string>

#include "host/files.h"
#include "host/process.h"
#include "host/socket.h"

namespace sealane::host {

// A port that is free at this moment.
inline uint16_t free_port(const IpAddress& at) {
  const Fd fd = open_socket(at, SOCK_STREAM).value();
  SL_ASSERT(bind_socket(fd.get(), {at, 0}, false));
  return local_of(fd.get()).port;
}

class NatsProcess {
 public:
  NatsProcess() = default;
  explicit NatsProcess(std::filesystem::path config) : config_(std::move(config)) { start(); }
  ~NatsProcess() { kill(); }
  NatsProcess(const NatsProcess&) = delete;
  NatsProcess& operator=(const NatsProcess&) = delete;

  void start() {
    pid_ = spawn({.command = {"nats-server", "-c", config_.string()},
                  .set_env = {},
                  .output = config_.string() + ".output",
                  .parent_death_signal = SIGKILL})
               .value();
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  void stop() { ::kill(pid_, SIGSTOP); }
  void go_on() { ::kill(pid_, SIGCONT); }

 private:
  std::filesystem::path config_;
  pid_t pid_ = 0;
};

}  // namespace sealane::host
