#!/usr/bin/env bash
# Cgroup programs on sockets: the same answers natively and under skep.
# Usage: sockets.sh SKEP mounts|paths CLIENT-DIRECTORY
exec "$(dirname "$0")/same.sh" "$1" "$2" "$3/sockets"
