#!/usr/bin/env bash
# Compiles the examples and runs demo.sh under skep: as the caller, then as an unprivileged user with mounts in
# a user namespace, then without namespaces. Usage: run-demo.sh SKEP-BINARY
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
skep=$(realpath "${1:?path of the skep binary}")
work=$(mktemp -d /tmp/skep-demo.XXXXXX)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

say() { printf '\n######## %s\n' "$*"; }
say "Compiling the examples with clang-19 -target bpf, and hello.c with Debian's libbpf"
for program in hello bind4_reject sockopt; do
  clang-19 -g -O2 -target bpf -I"/usr/include/$(uname -m)-linux-gnu" -c "$here/$program.bpf.c" -o "$work/$program.bpf.o"
done
cc -O2 -Wall "$here/hello.c" -o "$work/hello" -lbpf
cp "$skep" "$here/demo.sh" "$work/"

say "skep verify: do they load?"
"$work/skep" verify "$work"/*.bpf.o

say "skep run, as $(id -un)"
"$work/skep" run -- bash "$work/demo.sh" "$work"

if [ "$(id -u)" -eq 0 ]; then
  for files in mounts paths; do
    say "skep run --files=$files, as uid 65534 without any capability"
    setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all \
      "$work/skep" run --files=$files -- bash "$work/demo.sh" "$work"
  done
else
  say "skep run --files=paths, without namespaces"
  "$work/skep" run --files=paths -- bash "$work/demo.sh" "$work"
fi
say "All of it worked."
