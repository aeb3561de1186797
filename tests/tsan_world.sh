#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The program itself under the thread sanitizer: a whole world with tables, requests, reloads, faults, a snapshot and a drain.
# Any race that a node saw is in its log. RocksDB and NATS come uninstrumented: what they do among themselves cannot be judged
# here; what is called back from them into the program is.
#   tests/tsan_world.sh BUILD_DIR
set -euo pipefail
cd "$(dirname "$0")/.."
export TSAN_OPTIONS="halt_on_error=0 exitcode=66 second_deadlock_stack=1 ignore_noninstrumented_modules=1"
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
/usr/bin/python3 tests/tsan_world.py "$1" "$data"
if grep -rl "WARNING: ThreadSanitizer" "$data" >/dev/null 2>&1; then
  grep -rh -A 30 "WARNING: ThreadSanitizer" "$data" | head -n 80
  echo "the thread sanitizer found races"; exit 1
fi
echo "no race in any node's log"
