// SPDX-License-Identifier: Apache-2.0
// Whole files, read and replaced.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sealane::host {

// The file's bytes; `bytes_max` bounds what a wrong path can cost.
Result<std::string> read_file(const std::filesystem::path& path, size_t bytes_max = 256u << 20);

// Replaces the file as a whole: a reader (or a crash) sees the old bytes or the new ones, never a
// mixture. The parent directories are made. `mode` as for open(2); 0600 for secrets.
Status write_file(const std::filesystem::path& path, std::string_view bytes, unsigned mode = 0644);

}  // namespace sealane::host
