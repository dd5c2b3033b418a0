#!/usr/bin/env bash
# Clients killed in the middle of random operations leave nothing behind: what `skep status` counts returns to
# where it started, and the supervisor serves on.
# Usage: storm.sh SKEP mounts|paths CLIENT-DIRECTORY [ROUNDS]
set -u
if [ "${STORM_INSIDE:-}" != 1 ]; then
  STORM_INSIDE=1 exec "$1" run "--files=$2" -- "$0" "$@"
fi
skep=$1 clients=$3 rounds=${4:-40}

counts() { "$skep" status | python3 -c '
import json, sys
status = json.load(sys.stdin)
print({name: status[name] for name in ("programs", "maps", "links", "btfs", "fds", "pins", "open_files")})'; }

"$clients/storm" 1 1000
sleep 0.3
before=$(counts)
for ((i = 0; i < rounds; i++)); do
  "$clients/storm" "$i" 1000000 &
  one=$!
  "$clients/storm" "$((i + 1000))" 1000000 &
  two=$!
  # Somewhere within some 1,000 operations.
  sleep "0.0$((RANDOM % 60 + 10))"
  kill -9 $one $two
  wait $one $two 2>/dev/null
done 2>/dev/null
# A client that died between pin and unlink leaves its pin, as on Linux.
rm -f /sys/fs/bpf/storm-*
"$clients/storm" 7 1000 || { echo "FAIL: the supervisor does not serve"; exit 1; }
for ((i = 0; i < 20; i++)); do
  after=$(counts)
  [ "$before" = "$after" ] && break
  sleep 0.2
done
printf 'before %s\nafter  %s\n' "$before" "$after"
[ "$before" = "$after" ]
