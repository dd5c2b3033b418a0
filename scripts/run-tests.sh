#!/usr/bin/env bash
# The whole test suite: lint, unit tests under ASan+UBSan, the concurrent ones under TSan, clients and the demo with
# the release binary. Needs `make build` first. Ends with one line "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/.."
jobs=$(nproc)
passed=0 failed=0 skipped=0
logs=build/test-logs
mkdir -p "$logs"

# check NAME COMMAND...: one suite; 77 is its way of saying that it cannot run here.
check() {
  local name=$1 begin=$SECONDS status
  shift
  "$@" >"$logs/$name.log" 2>&1
  status=$?
  case $status in
    0) passed=$((passed + 1)); printf 'ok    %-28s %4ds\n' "$name" $((SECONDS - begin)) ;;
    77) skipped=$((skipped + 1)); printf 'skip  %-28s %s\n' "$name" "$(tail -n 1 "$logs/$name.log")" ;;
    *) failed=$((failed + 1)); printf 'FAIL  %-28s %4ds\n' "$name" $((SECONDS - begin)); tail -n 60 "$logs/$name.log" ;;
  esac
  return $status
}

build() { cmake --preset "$1" >/dev/null && cmake --build --preset "$1" -j"$jobs" "${@:2}"; }

# Runs the tests of a build one by one, so that each is counted.
suites() {
  local preset=$1 filter=$2 name
  while read -r name; do
    check "$preset-$name" ctest --test-dir "build/$preset" -R "^$name\$" --output-on-failure --timeout 900
  done < <(ctest --test-dir "build/$preset" -N $filter | sed -n 's/^ *Test *#[0-9]*: //p')
}

check layers scripts/check-layers
check format scripts/lint.sh format
check tidy scripts/lint.sh tidy-sample
if check asan-build build asan; then suites asan ""; fi
if check tsan-build build tsan concurrent_tests; then suites tsan "-L concurrent"; fi
check support-matrix sh -c 'build/release/bin/skep support-matrix | diff - docs/support-matrix.md'
for script in tests/clients/run.sh tests/cli/run.sh tests/hooks/run.sh; do
  [ -x "$script" ] && check "$(basename "$(dirname "$script")")" "$script" build/release/bin/skep
done
check demo examples/run-demo.sh build/release/bin/skep

# Tests inside a suite that said they cannot run here, by name.
grep -h '^\[  SKIPPED \].*(' -r "$logs" 2>/dev/null | sort -u | head -n 40
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
