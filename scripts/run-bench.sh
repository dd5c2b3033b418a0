#!/usr/bin/env bash
# Runs the benchmarks: the engines, and what a trapped system call costs. Usage: run-bench.sh FOLDER-OF-BINARIES
set -euo pipefail
printf '\n== engines\n'
"$1"/bench_engine
printf '\n== trapped system calls\n'
"$1"/bench_trap "$1"/skep
