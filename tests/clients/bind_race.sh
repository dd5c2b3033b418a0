#!/usr/bin/env bash
# A bind4 policy holds although the client changes the address while the call is judged.
# Usage: bind_race.sh SKEP mounts|paths CLIENT-DIRECTORY
exec "$1" run "--files=$2" -- "$3/bind_race"
