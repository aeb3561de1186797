#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs the clients of package-lock.json into a directory of their own, outside the tree, and prints its name.
# A second call finds it there. Exit 77: it cannot be done here (no npm, no network), and the reason is on stderr.
#   tests/state/install.sh        SEALANE_TEST_CACHE: where to keep it (default ~/.cache/sealane-tests)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${SEALANE_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sealane-tests}
name=$(cat "$here/package.json" "$here/package-lock.json" "$here/.npmrc" | sha256sum | cut -c1-16)
target=$cache/$name

skip() { echo "SKIPPED: $*" >&2; exit 77; }

[ -e "$target/complete" ] && { echo "$target"; exit 0; }
command -v node >/dev/null || skip "node is not installed"
command -v npm >/dev/null || skip "npm is not installed"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 18 || (a === 18 && b >= 19) ? 0 : 1)' ||
  skip "node $(node --version) is older than 18.19"

mkdir -p "$cache"
building=$(mktemp -d "$cache/.$name.XXXXXX")
trap 'rm -rf "$building"' EXIT
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$building/"
# Scripts of packages are not run: none of these needs one, and leveldown (optional) would want a compiler.
if ! (cd "$building" && timeout 300 npm ci --omit=optional --ignore-scripts --no-audit --no-fund) >"$building/npm.log" 2>&1; then
  grep -qE 'EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT' "$building/npm.log" &&
    skip "the packages cannot be fetched: $(grep -m1 -oE 'E[A-Z_]{5,}' "$building/npm.log")"
  cat "$building/npm.log" >&2
  exit 1
fi
touch "$building/complete"
mv -T "$building" "$target" 2>/dev/null || [ -e "$target/complete" ]  # somebody else may have been quicker
trap - EXIT
rm -rf "$building"
echo "$target"
