#!/usr/bin/env bash
# Layer check, clang-format, clang-tidy. LINT_TIDY=changed|all|none chooses how much clang-tidy reads.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/check-layers
git ls-files '*.h' '*.cpp' | xargs clang-format-19 --dry-run --Werror
echo "format ok"
[ "${LINT_TIDY:-all}" = none ] && exit 0
[ -f build/dev/compile_commands.json ] || cmake --preset dev >/dev/null
if [ "${LINT_TIDY:-all}" = changed ]; then
  mapfile -t files < <(git diff --name-only HEAD~5 -- 'src/*.cpp')
else
  mapfile -t files < <(git ls-files 'src/*.cpp')
fi
[ ${#files[@]} -eq 0 ] || printf '%s\n' "${files[@]}" | xargs -P"$(nproc)" -n4 clang-tidy-19 -p build/dev --quiet --warnings-as-errors='*'
echo "tidy ok"
