#!/usr/bin/env bash
# A supervisor that dies: its clients' policed calls fail, none goes past.
# Usage: orphan.sh SKEP mounts|paths CLIENT-DIRECTORY
set -u
out=$(mktemp)
trap 'rm -f "$out"' EXIT
"$1" run "--files=$2" -- "$3/orphan" >"$out" &
for ((i = 0; i < 600; i++)); do
  supervisor=$(sed -n 's/^ready //p' "$out")
  [ -n "$supervisor" ] && break
  sleep 0.05
done
[ -n "$supervisor" ] || { echo "FAIL: the client did not start"; exit 1; }
kill -9 "$supervisor"
for ((i = 0; i < 600; i++)); do
  [ "$(wc -l <"$out")" -ge 5 ] && break
  sleep 0.05
done
cat "$out"
[ "$(sed 1d "$out")" = "bind -1 ENOSYS
connect -1 ENOSYS
bpf -1 ENOSYS
socket -1 ENOSYS" ]
