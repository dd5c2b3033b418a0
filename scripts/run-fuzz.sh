#!/usr/bin/env bash
# Runs every libFuzzer target of a folder for FUZZ_SECONDS (60) each, with a corpus of its own below the build folder.
set -euo pipefail
for binary in "$1"/fuzz_*; do
  name=$(basename "$binary")
  corpus=$1/../corpus/$name
  mkdir -p "$corpus"
  printf '\n== %s\n' "$name"
  "$binary" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=4096 -artifact_prefix="$corpus/" "$corpus"
done
