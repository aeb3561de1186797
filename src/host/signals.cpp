// SPDX-License-Identifier: Apache-2.0
#include "host/signals.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace sealane::host {

Signals::Signals(Loop& loop, std::initializer_list<int> numbers, std::function<void(int)> handle)
    : handle_(std::move(handle)) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers) sigaddset(&set, number);
  SL_ASSERT(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  fd_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  SL_ASSERT(fd_ && loop.watch(fd_.get(), *this, EPOLLIN));
}

void Signals::on_events(uint32_t) {
  signalfd_siginfo info;
  while (::read(fd_.get(), &info, sizeof info) == sizeof info) handle_(int(info.ssi_signo));
}

}  // namespace sealane::host
