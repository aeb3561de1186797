#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every test, in the order in which a mistake is found soonest. `./run test` installs what it needs and calls it.
#   tests/all.sh [STEP...]   steps: release unit fuzz explore system tsan
set -uo pipefail
cd "$(dirname "$0")/.."
steps=("${@:-}")
[ -n "${steps[0]}" ] || steps=(release unit fuzz explore system tsan)
passed=0 failed=0 skipped=0 broken=()

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
build() { cmake --preset "$1" >"build-$1.log" 2>&1 && cmake --build --preset "$1" ${2:+--target $2} -- --quiet >>"build-$1.log" 2>&1 ||
  { tail -n 60 "build-$1.log"; rm -f "build-$1.log"; return 1; }; rm -f "build-$1.log"; }
check() {  # NAME COMMAND...
  local name=$1 start=$SECONDS; shift
  "$@"
  case $? in
  0) passed=$((passed + 1)); printf 'ok      %s (%d s)\n' "$name" $((SECONDS - start)) ;;
  77) skipped=$((skipped + 1)); printf 'skipped %s: not possible here, see above\n' "$name" ;;
  *) failed=$((failed + 1)); broken+=("$name"); printf 'FAILED  %s (%d s)\n' "$name" $((SECONDS - start)) ;;
  esac
}
# The thread sanitizer's build fills the processors while the tests on live worlds wait for packets and timers: at idle
# priority, so that it takes nothing from them.
tsan_targets="base_test host_test sealane sealane-demo-agent" tsan_build=""
begin_tsan_build() {
  tsan_log=$(mktemp)
  setsid chrt --idle 0 sh -c "cmake --preset tsan && cmake --build --preset tsan --target $tsan_targets -- --quiet" \
    >"$tsan_log" 2>&1 & tsan_build=$!
  trap 'kill -- -$tsan_build 2>/dev/null; rm -f "$tsan_log"' EXIT
}
end_tsan_build() {
  [ -n "$tsan_build" ] || begin_tsan_build
  wait "$tsan_build" || { tail -n 60 "$tsan_log"; return 1; }
}
quiet() {  # prints the output only of what failed
  local out code; out=$(mktemp)
  "$@" >"$out" 2>&1; code=$?
  if [ $code -eq 0 ]; then tail -n 1 "$out" | cut -c1-160; else tail -n 80 "$out"; fi
  rm -f "$out"
  return $code
}
# Random worlds COUNT, numbered from 1: a range on each core. The first that breaks a rule ends its range.
seeds() {  # COUNT ARGUMENT...
  local count=$1 cores part from=1 code=0 running=(); shift; cores=$(nproc); part=$(((count + cores - 1) / cores))
  for ((; from <= count; from += part)); do
    build/release/play_explore "$@" --from $from --seeds $((from + part > count ? count - from + 1 : part)) & running+=($!)
  done
  for pid in "${running[@]}"; do wait "$pid" || code=1; done
  return $code
}
# Unit tests, plays and the corpora of the fuzz targets, under address and undefined-behaviour sanitizers.
unit() { ctest --test-dir build/asan --output-on-failure --no-tests=error -j2; }

for step in "${steps[@]}"; do
  say "$step"
  case $step in
    release) check "build of the release preset" build release "sealane sealane-demo-agent play_explore bench_state_steady" ;;
    unit) check "build with address and undefined-behaviour sanitizers" build asan && check "unit tests, plays, corpora" unit ;;
    fuzz) check "fuzz smoke" tests/fuzz.sh "${FUZZ_SECONDS:-4}" build/asan ;;
    explore) check "mutations fit the source" quiet /usr/bin/python3 tests/mutations.py --check
             check "2000 seeds of random faults" quiet seeds 2000
             check "2000 seeds of tables under faults" quiet seeds 2000 --tables
             for play in plays/*.play; do check "$play" quiet build/release/sealane play "$play"; done ;;
    system) case " ${steps[*]} " in *" tsan "*) begin_tsan_build ;; esac
            for test in tests/*_test.py; do check "$test" quiet /usr/bin/python3 "$test" build/release; done ;;
    tsan) check "build with the thread sanitizer" end_tsan_build &&
          # RocksDB and NATS come uninstrumented: what they do among themselves is theirs, and cannot be judged here. Crashing
          # children is the business of the other sanitizers.
          check "threads: base and host" quiet env TSAN_OPTIONS="ignore_noninstrumented_modules=1 ${TSAN_OPTIONS:-}" \
            build/tsan/host_test --gtest_brief=1 --gtest_filter='-*Rocks*' &&
          check "threads: a world, reloads and a drill" quiet tests/tsan_world.sh build/tsan ;;
    *) echo "no step '$step'"; exit 2 ;;
  esac
done

[ $failed -eq 0 ] || printf 'failed: %s\n' "${broken[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
