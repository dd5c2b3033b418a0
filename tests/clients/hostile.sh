#!/usr/bin/env bash
# Attacks of a client on its supervisor come to nothing, and do not keep it busy.
# Usage: hostile.sh SKEP mounts|paths CLIENT-DIRECTORY
set -u
export XDG_RUNTIME_DIR=/tmp  # where the runtime directory shall be looked for
unset XDG_RUNTIME_DIR
out=$(timeout 20 "$1" run "--files=$2" -- \
  bash -c 'exec "$0" "$(ls -d "/tmp/skep-$(id -u)-$PPID-"*)"' "$3/hostile")
status=$?
printf '%s\n' "$out"
[ "$status" = 0 ] && [ "$out" = "link 0: harmless
link 1: harmless
link 2: harmless
lease 1: in time
test run: killed" ]
