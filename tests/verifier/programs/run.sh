#!/usr/bin/env bash
# Compiles the programs here for each instruction set version and compares skep's verdicts with the live kernel's.
# Usage: run.sh SKEP OUT. 77: bpf(2) is not permitted here, or there is no compiler.
set -euo pipefail
skep=$1
out=$2
here=$(cd "$(dirname "$0")" && pwd)
[ -x "$skep" ] || { echo "no skep binary at $skep"; exit 77; }
command -v clang-19 >/dev/null || { echo "clang-19 is not installed"; exit 77; }
objects=()
for cpu in v2 v3 v4; do
  mkdir -p "$out/$cpu"
  for source in "$here"/*.bpf.c; do
    object=$out/$cpu/$(basename "$source" .bpf.c).$cpu.bpf.o
    clang-19 -O2 -g --target=bpf -mcpu=$cpu -I/usr/include/x86_64-linux-gnu -Wall -c "$source" -o "$object"
    objects+=("$object")
  done
done
if ! "$skep" verify --json --live "${objects[0]}" | grep -q '"verdict":"accept"'; then
  echo "the live kernel loads no programs here"
  exit 77
fi
# Callbacks (bpf_loop) are refused here; everything else gets the kernel's verdict. Only ever lowered.
readonly kMostDifferences=3
status=0
python3 "$here/../../conformance/verdicts.py" "$skep" "${objects[@]}" \
  --table "$out/table.md" --details "$out/details.txt" || status=$?
cat "$out/details.txt"
differences=$(grep -c ': differs:' "$out/details.txt" || true)
if [ "$differences" -gt $kMostDifferences ]; then
  echo "$differences verdicts differ"
  status=1
fi
exit $status
