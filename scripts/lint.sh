#!/usr/bin/env bash
# Layer check, clang-format, clang-tidy. Usage: lint.sh [format|tidy|tidy-sample]; without a word, all of it.
set -euo pipefail
cd "$(dirname "$0")/.."

format() {
  git ls-files '*.h' '*.cpp' | xargs clang-format-19 --dry-run --Werror
  echo "format ok"
}

tidy() {
  [ -f build/dev/compile_commands.json ] || cmake --preset dev >/dev/null
  xargs -P"$(nproc)" -n4 clang-tidy-19 -p build/dev --quiet --warnings-as-errors='*'
  echo "tidy ok"
}

sources() { git ls-files 'src/*.cpp'; }

case "${1:-all}" in
  format) format ;;
  tidy) sources | tidy ;;
  # What make test reads: a part that takes a minute. The whole tree is for make lint.
  tidy-sample) git ls-files 'src/base/*.cpp' 'src/cli/*.cpp' 'src/supervisor/files/*.cpp' 'src/verifier/rewrite/*.cpp' | tidy ;;
  all) scripts/check-layers; format; sources | tidy ;;
  *) echo "lint.sh: unknown word $1" >&2; exit 2 ;;
esac
