// SPDX-License-Identifier: Apache-2.0
#include "host/cut.h"

#include <linux/filter.h>
#include <sys/socket.h>

#include <charconv>
#include <filesystem>
#include <string>

#include "host/socket.h"

namespace sealane::host {
namespace {

template <typename F>
void for_each_inet_socket(F&& f) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ignored)) {
    const std::string text = entry.path().filename();
    int fd = -1;
    std::from_chars(text.data(), text.data() + text.size(), fd);
    int domain = 0;
    socklen_t size = sizeof domain;
    if (fd < 0 || ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) continue;
    if (domain == AF_INET || domain == AF_INET6) f(fd);
  }
}

}  // namespace

void NetworkCut::attach(int fd) const {
  // accept if the IPv4 source address lies in one of the prefixes, else drop.
  std::vector<sock_filter> code;
  const auto net = uint32_t(SKF_NET_OFF);
  code.push_back(BPF_STMT(BPF_LD | BPF_B | BPF_ABS, net));
  code.push_back(BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4));
  code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 1, 0));
  code.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  for (const Prefix& prefix : inside_) {
    if (!prefix.base.is_v4()) continue;
    const uint32_t mask = prefix.length == 0 ? 0 : ~uint32_t{0} << (32 - prefix.length);
    code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 12));
    code.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, prefix.base.v4_bits(), 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, 0xffffffff));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  const sock_fprog program{.len = static_cast<unsigned short>(code.size()), .filter = code.data()};
  ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

void NetworkCut::detach(int fd) {
  const int unused = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
}

void NetworkCut::attach_to_all() const {
  for_each_inet_socket([&](int fd) { attach(fd); });
}

void NetworkCut::detach_from_all() {
  for_each_inet_socket([](int fd) { detach(fd); });
}

}  // namespace sealane::host
