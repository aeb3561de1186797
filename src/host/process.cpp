// SPDX-License-Identifier: Apache-2.0
#include "host/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "host/socket.h"

namespace sealane::host {

std::filesystem::path own_executable() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored);
}

Result<pid_t> spawn(const Spawn& what) {
  SL_ASSERT(!what.command.empty());
  std::string program = what.command[0];
  if (program.find('/') == program.npos) {
    const auto beside = own_executable().parent_path() / program;
    if (std::filesystem::exists(beside)) program = beside;
  }
  std::vector<char*> argv;
  for (const auto& word : what.command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);

  int pipe_ends[2];  // carries errno when exec fails; closed by exec when it works
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) return fail(Code::limit, "no pipe for a child process");
  const Fd read_end(pipe_ends[0]);
  Fd write_end(pipe_ends[1]);
  if (!what.output.empty()) {
    std::error_code ignored;
    std::filesystem::create_directories(what.output.parent_path(), ignored);
  }
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(Code::limit, fmt::format("cannot fork: {}", std::strerror(errno)));
  if (pid == 0) {
    // Only async-signal-safe calls and what fork of a multi-threaded process allows in practice.
    if (what.own_group) ::setpgid(0, 0);
    if (what.parent_death_signal != 0) {
      ::prctl(PR_SET_PDEATHSIG, what.parent_death_signal);
      if (::getppid() != parent) ::_exit(0);
    }
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    if (!what.output.empty()) {
      const int out = ::open(what.output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
      if (out >= 0) ::dup2(out, STDOUT_FILENO), ::dup2(out, STDERR_FILENO);
      const int in = ::open("/dev/null", O_RDONLY);
      if (in >= 0) ::dup2(in, STDIN_FILENO);
    }
    for (const auto& [name, value] : what.set_env) ::setenv(name.c_str(), value.c_str(), 1);
    ::execvp(program.c_str(), argv.data());
    const int error = errno;
    [[maybe_unused]] const auto written = ::write(write_end.get(), &error, sizeof error);
    ::_exit(127);
  }
  if (what.own_group) ::setpgid(pid, pid);  // both sides: whoever is first
  write_end.close();
  int error = 0;
  if (::read(read_end.get(), &error, sizeof error) == sizeof error) {
    ::waitpid(pid, nullptr, 0);
    return fail(Code::not_found,
                fmt::format("cannot run '{}': {}", what.command[0], std::strerror(error)));
  }
  return pid;
}

}  // namespace sealane::host
