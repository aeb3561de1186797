// SPDX-License-Identifier: Apache-2.0
// The private certificate authority of a world: made once, kept in its data directory, and asked
// for a certificate by each node. For `certificate: auto`; worlds with certificates of their own do
// without.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"

namespace sealane::host {

class Authority {
 public:
  // Loads DIR/ca.pem and DIR/ca.key, or makes them (P-256, 10 years, pathlen 0) when there is no
  // ca.pem. Several processes may do this at once: one wins, all use the winner's.
  static Result<Authority> open(const std::filesystem::path& dir, const std::string& world_name);

  std::filesystem::path ca_file() const { return dir_ / "ca.pem"; }

  struct Leaf {
    std::filesystem::path cert_file, key_file;
  };
  // A certificate for these names (wildcards allowed) and addresses, written to DIR/<file_stem>.pem
  // and .key. One that is there already is kept while it was issued by this CA, covers the same
  // names and is good for 30 days more.
  Result<Leaf> issue(const std::string& file_stem, const std::vector<std::string>& names,
                     const std::vector<IpAddress>& addresses) const;

 private:
  explicit Authority(std::filesystem::path dir) : dir_(std::move(dir)) {}
  std::filesystem::path dir_;
};

}  // namespace sealane::host
