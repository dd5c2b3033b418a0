#!/usr/bin/env bash
# The command line as a user meets it: exit statuses, one-line errors, the JSON of verify, test runs.
# Usage: run.sh SKEP-BINARY
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
skep=$(realpath "${1:?path of the skep binary}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0

# expect STATUS PATTERN COMMAND...: exit status, and a regular expression somewhere in the output.
expect() {
  local status=$1 pattern=$2 output got
  shift 2
  output=$("$@" 2>&1)
  got=$?
  if [ "$got" -ne "$status" ] || ! grep -qE -- "$pattern" <<<"$output"; then
    failures=$((failures + 1))
    printf 'FAIL %s\n  status %d, wanted %d; output wanted: %s\n%s\n' "$*" "$got" "$status" "$pattern" "$output"
  else
    printf 'ok   %s\n' "$*"
  fi
}

# one_line COMMAND...: fails with exactly one line on standard error and nothing on standard output.
one_line() {
  local out err
  out=$("$@" 2>err.txt) && { failures=$((failures + 1)); echo "FAIL succeeds: $*"; return; }
  err=$(wc -l <err.txt)
  if [ -n "$out" ] || [ "$err" -ne 1 ] || ! grep -q '^skep: ' err.txt; then
    failures=$((failures + 1))
    printf 'FAIL not one line: %s\n%s\n' "$*" "$(cat err.txt)"
  else
    printf 'ok   %s\n' "$*"
  fi
}

include="-I/usr/include/$(uname -m)-linux-gnu"
for program in "$here"/../../examples/*.bpf.c "$here"/*.bpf.c; do
  clang-19 -g -O2 -target bpf "$include" -c "$program" -o "$(basename "${program%.c}").o" || exit 1
done
head -c 200 hello.bpf.o >truncated.o
echo "not an object" >text.o

one_line "$skep" verify missing.o
one_line "$skep" verify text.o
one_line "$skep" verify truncated.o
one_line "$skep" verify --no-such-option hello.bpf.o
one_line "$skep" nosuchcommand
one_line "$skep"
one_line "$skep" verify --kernel 4.2 hello.bpf.o
one_line "$skep" verify --kernel x hello.bpf.o
one_line "$skep" test hello.bpf.o --program nosuch
one_line "$skep" test programs.bpf.o --program pass --data hex:0
one_line "$skep" test programs.bpf.o --program pass --data hex:zz
one_line "$skep" test programs.bpf.o --program pass --data nosuchfile
one_line "$skep" test programs.bpf.o
one_line "$skep" disasm hello.bpf.o --program nosuch
one_line "$skep" status 999999999
one_line "$skep" run -- ./no-such-command
one_line "$skep" run --files=nonsense -- true

expect 0 'hello .*accepted' "$skep" verify hello.bpf.o
expect 0 'accepted' "$skep" verify hello.bpf.o bind4_reject.bpf.o sockopt.bpf.o
expect 1 'out_of_bounds .*rejected, EACCES' "$skep" verify programs.bpf.o
expect 1 'processed [0-9]+ insns \(limit 1000000\)' "$skep" verify --log programs.bpf.o
expect 0 '\(95\) exit' "$skep" disasm hello.bpf.o
expect 0 'call bpf_trace_printk#6' "$skep" disasm hello.bpf.o --program hello
expect 0 'PROG_LOAD' "$skep" support-matrix
expect 0 '^skep [0-9]' "$skep" --version

frame=hex:ffffffffffff0000000000000800450000280000000040060000c0a80001c0a800020050005000000000000000005002200000000000
for engine in interp jit; do
  expect 0 'return value: 2' "$skep" test programs.bpf.o --program pass --data $frame --engine $engine
  expect 0 'return value: 6' "$skep" test programs.bpf.o --program protocol --data $frame --engine $engine --repeat 3
  expect 0 'ffffffffffff' "$skep" test programs.bpf.o --program pass --data $frame --engine $engine
done
# bpf_sock_addr: user_family, user_ip4, user_ip6[4], user_port (big endian), family, type, protocol, ...
addr=hex:02000000c0000201$(printf '0%.0s' {1..32})1f90000002000000010000000600000000000000$(printf '0%.0s' {1..48})
expect 0 'return value: 1' "$skep" test programs.bpf.o --program allow_8080 --ctx "$addr"

"$skep" verify --json programs.bpf.o >verify.json
python3 - verify.json <<'PYTHON' || failures=$((failures + 1))
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
keys = ["object", "section", "program", "type", "verdict", "errno", "insns", "processed", "time_us", "log"]
assert rows and all(list(row) == keys for row in rows), rows
by_name = {row["program"]: row for row in rows}
bad = by_name["out_of_bounds"]
assert bad["verdict"] == "reject" and bad["errno"] == 13 and "invalid access to packet" in bad["log"], bad
good = by_name["pass"]
assert good["verdict"] == "accept" and good["errno"] == 0 and good["insns"] == 2 and good["processed"] == 2, good
assert good["type"] == "xdp" and good["section"] == "xdp"
print("ok   verify --json")
PYTHON
echo "$failures failures"
[ "$failures" -eq 0 ]
