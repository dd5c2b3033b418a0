#!/usr/bin/env bash
# The client prints the same (on standard output) natively and under skep, as root and as a user without any capability.
# Usage: same.sh SKEP mounts|paths CLIENT
set -u
skep=$1 files=$2 client=$3
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all)

if ! native=$(timeout 30 "$client" 2>/dev/null); then
  echo "skipped: bpf(2) is not permitted here"
  exit 77
fi
failed=0
check() {
  local how=$1 got status
  shift
  got=$(timeout 60 "$@" 2>/dev/null)
  status=$?
  if [ "$status" -ne 0 ] || [ "$got" != "$native" ]; then
    printf 'FAIL %s: status %d\n' "$how" "$status"
    diff <(printf '%s\n' "$native") <(printf '%s\n' "$got")
    failed=1
  else
    printf 'ok %s\n' "$how"
  fi
}
check jit "$skep" run "--files=$files" -- "$client"
check interpreter "$skep" run "--files=$files" --engine interp -- "$client"
if [ "$(id -u)" = 0 ]; then
  check unprivileged "${nobody[@]}" "$skep" run "--files=$files" -- "$client"
fi
exit $failed
