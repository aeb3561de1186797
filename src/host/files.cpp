// SPDX-License-Identifier: Apache-2.0
#include "host/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "host/socket.h"

namespace sealane::host {

Result<std::string> read_file(const std::filesystem::path& path, size_t bytes_max) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  auto failed = [&] {
    return fail(errno == ENOENT ? Code::not_found : Code::unavailable,
                fmt::format("cannot read {}: {}", path.string(), std::strerror(errno)));
  };
  if (!fd) return failed();
  std::string bytes;
  char chunk[65536];
  while (true) {
    const ssize_t got = ::read(fd.get(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed();
    if (got == 0) return bytes;
    bytes.append(chunk, size_t(got));
    if (bytes.size() > bytes_max) {
      return fail(Code::limit, fmt::format("{} is larger than {} bytes", path.string(), bytes_max));
    }
  }
}

Status write_file(const std::filesystem::path& path, std::string_view bytes, unsigned mode) {
  auto failed = [&] {
    return fail(Code::unavailable,
                fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
  };
  std::error_code ignored;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), ignored);
  const std::string fresh = fmt::format("{}.{}.new", path.string(), ::getpid());
  {
    const Fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!fd) return failed();
    size_t at = 0;
    while (at < bytes.size()) {
      const ssize_t done = ::write(fd.get(), bytes.data() + at, bytes.size() - at);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) {
        const Status status = failed();
        ::unlink(fresh.c_str());
        return status;
      }
      at += size_t(done);
    }
    if (::fsync(fd.get()) != 0) {
      const Status status = failed();
      ::unlink(fresh.c_str());
      return status;
    }
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) {
    const Status status = failed();
    ::unlink(fresh.c_str());
    return status;
  }
  const Fd folder(
      ::open(path.has_parent_path() ? path.parent_path().c_str() : ".", O_RDONLY | O_CLOEXEC));
  if (folder) ::fsync(folder.get());
  return {};
}

}  // namespace sealane::host
