#!/usr/bin/env bash
# The long conformance suites: instruction vectors and generated programs at full length, then the verdicts on the
# programs of Linux's own selftests, natively and with skep. SELFTESTS_LIST: the file that names the programs.
set -euo pipefail
cd "$(dirname "$0")/.."
cpu=${CPU:-v3}
list=${SELFTESTS_LIST:-../shared/selftests/files.txt}
cmake --preset dev >/dev/null
cmake --build --preset dev -j"$(nproc)" --target test_exec test_verifier
SKEP_DIFF_PROGRAMS=${SKEP_DIFF_PROGRAMS:-100000} build/dev/bin/test_exec
[ -f "$list" ] || { echo "no list of selftests at $list (set SELFTESTS_LIST)" >&2; exit 1; }
tests/conformance/build-objects.sh build/selftests "$list" "$cpu"
tests/conformance/verdicts.py build/release/bin/skep build/selftests/objects/"$cpu"/*.bpf.o \
  --table build/selftests/verdicts-"$cpu".md --details build/selftests/details-"$cpu".txt
echo "table: build/selftests/verdicts-$cpu.md; differences: build/selftests/details-$cpu.txt"
SKEP_VERIFIER_FUZZ=${SKEP_VERIFIER_FUZZ:-200000} build/dev/bin/test_verifier --gtest_filter='Fuzz.*'
