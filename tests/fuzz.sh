#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Explores with every fuzz target, each for so many seconds, from its corpus. What is found is written to the
# current directory by libFuzzer and named in its output.
#   tests/fuzz.sh [SECONDS] [BUILD_DIR]
set -uo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-30} build=${2:-build/fuzz}
if [ ! -d "$build" ]; then cmake --preset fuzz >/dev/null && cmake --build --preset fuzz -- --quiet || exit 1; fi
export seconds scratch
scratch=$(mktemp -d); trap 'rm -rf "$scratch"' EXIT
explore() {  # TARGET
  local target=$1 name runs
  name=$(basename "$target" _fuzz)
  [ -d "tests/corpus/$name" ] || { echo "  $name has no corpus in tests/corpus/$name"; return 1; }
  mkdir -p "$scratch/$name"
  # New inputs go to a scratch folder; the committed corpus is read only.
  if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="fuzz-$name-" \
      "$scratch/$name" "tests/corpus/$name" >"$scratch/$name.log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: //p; s/^Done \([0-9]*\) runs.*/\1/p' "$scratch/$name.log" | tail -n 1)
    echo "  $name: ${runs:-?} runs, nothing found"
  else
    tail -n 40 "$scratch/$name.log"; echo "  $name: FOUND something, see above and fuzz-$name-*"
    return 1
  fi
}
export -f explore
# Those of the present build: programs of earlier ones may lie there still.
mapfile -t targets < <(ninja -C "$build" -t targets all | sed -n "s|^\([a-z_0-9]*_fuzz\): CXX_EXECUTABLE_LINKER.*|$build/\1|p")
[ ${#targets[@]} -gt 0 ] || { echo "no fuzz targets in $build"; exit 1; }
# One on each core. xargs ends with 123 when any of them found something.
printf '%s\0' "${targets[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c 'explore "$1"' explore
