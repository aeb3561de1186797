#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every test. `./run test` installs what it needs and calls it.
#   tests/all.sh [STEP...]   steps: release system unit fuzz explore tsan
set -uo pipefail
cd "$(dirname "$0")/.."
steps=("${@:-}")
[ -n "${steps[0]}" ] || steps=(release system unit fuzz explore tsan)
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
# Builds with sanitizers fill the processors while the tests on live worlds wait for packets and timers: at idle priority,
# so that they take nothing from them, and one after the other. A session is scheduled as a whole where the kernel groups
# them (sched(7)), so that of its own has to be nice, too.
tsan_targets="base_test host_test sealane sealane-demo-agent"
declare -A build_pid=() build_log=()
last_build=""
begin_build() {  # PRESET [TARGETS]
  build_log[$1]=$(mktemp)
  setsid chrt --idle 0 sh -c '2>/dev/null echo 19 >/proc/self/autogroup
    [ -z "$3" ] || tail --pid="$3" -f /dev/null
    cmake --preset "$1" && cmake --build --preset "$1" ${2:+--target $2} -- --quiet' \
    sh "$1" "${2:-}" "$last_build" >"${build_log[$1]}" 2>&1 &
  last_build=$! build_pid[$1]=$!
}
end_build() {  # PRESET [TARGETS]
  [ -n "${build_pid[$1]:-}" ] || begin_build "$@"
  wait "${build_pid[$1]}" || { tail -n 60 "${build_log[$1]}"; return 1; }
}
end_builds() {
  for preset in "${!build_pid[@]}"; do kill -- "-${build_pid[$preset]}" 2>/dev/null; rm -f "${build_log[$preset]}"; done
}
trap end_builds EXIT
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
    unit) check "build with address and undefined-behaviour sanitizers" end_build asan && check "unit tests, plays, corpora" unit ;;
    fuzz) check "fuzz smoke" tests/fuzz.sh "${FUZZ_SECONDS:-4}" build/asan ;;
    explore) check "mutations fit the source" quiet /usr/bin/python3 tests/mutations.py --check
             check "2000 seeds of random faults" quiet seeds 2000
             check "2000 seeds of tables under faults" quiet seeds 2000 --tables
             for play in plays/*.play; do check "$play" quiet build/release/sealane play "$play"; done ;;
    system) case " ${steps[*]} " in *" system "*"unit "*) begin_build asan ;; esac
            case " ${steps[*]} " in *" system "*"tsan "*) begin_build tsan "$tsan_targets" ;; esac
            for test in tests/*_test.py; do check "$test" quiet /usr/bin/python3 "$test" build/release; done ;;
    tsan) check "build with the thread sanitizer" end_build tsan "$tsan_targets" &&
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
