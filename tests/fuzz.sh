#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Explores with every fuzz target, each for so many seconds, from its corpus. What is found is written to the
# current directory by libFuzzer and named in its output.
#   tests/fuzz.sh [SECONDS] [BUILD_DIR]
set -uo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-30} build=${2:-build/fuzz}
if [ ! -d "$build" ]; then cmake --preset fuzz >/dev/null && cmake --build --preset fuzz -- --quiet || exit 1; fi
found=0 count=0
scratch=$(mktemp -d); trap 'rm -rf "$scratch"' EXIT
for target in "$build"/*_fuzz; do
  name=$(basename "$target" _fuzz)
  [ -d "tests/corpus/$name" ] || { echo "$name has no corpus in tests/corpus/$name"; found=1; continue; }
  mkdir -p "$scratch/$name"
  # New inputs go to a scratch folder; the committed corpus is read only.
  if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="fuzz-$name-" \
      "$scratch/$name" "tests/corpus/$name" >"$scratch/$name.log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: //p; s/^Done \([0-9]*\) runs.*/\1/p' "$scratch/$name.log" | tail -n 1)
    echo "  $name: ${runs:-?} runs, nothing found"
  else
    tail -n 40 "$scratch/$name.log"; echo "  $name: FOUND something, see above and fuzz-$name-*"; found=1
  fi
  count=$((count + 1))
done
[ $count -gt 0 ] && [ $found -eq 0 ]
