#!/usr/bin/env bash
# Runs every benchmark of a folder of binaries.
set -euo pipefail
for binary in "$1"/bench_*; do
  printf '\n== %s\n' "$(basename "$binary")"
  "$binary"
done
