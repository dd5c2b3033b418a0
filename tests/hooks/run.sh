#!/usr/bin/env bash
# The same scenarios natively, under `skep run --files=mounts` and under `--files=paths`: the same output.
# Where bpf(2) is not permitted the two are held against native.txt, recorded on Linux 6.18 with --record.
# Usage: run.sh SKEP [--record] [SCENARIO...]; the full outputs are kept in $HOOKS_OUT when that is set.
# Ends with 0 (same), 1 (different), 77 (cannot run here).
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
skep=$(realpath "${1:?path of the skep binary}")
shift
record=0
if [ "${1:-}" = --record ]; then record=1; shift; fi
PATH=$PATH:/usr/sbin:/sbin
python=/usr/bin/python3
for tool in clang-19 bpftool unshare "$python"; do
  command -v "$tool" >/dev/null || { echo "skipped: no $tool here"; exit 77; }
done
work=$(mktemp -d /tmp/skep-hooks.XXXXXX)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
export HOOKS_OBJECTS=$work PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0 LC_ALL=C

for source in "$here"/*.bpf.c; do
  clang-19 -g -O2 -Wall -target bpf "-I/usr/include/$(uname -m)-linux-gnu" -c "$source" \
    -o "$work/$(basename "$source" .c).o" || exit 1
done

# A network of its own, where the ports of the scenarios are free.
network=(unshare --net)
"${network[@]}" true 2>/dev/null || network=(unshare --user --map-root-user --net)
"${network[@]}" true 2>/dev/null || { echo "skipped: no network namespace of our own"; exit 77; }
up='import fcntl, socket, struct
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8914, struct.pack("16sH14x", b"lo", 0x41))'
loopback() { "${network[@]}" sh -c '"$0" -c "$1"; shift; exec "$@"' "$python" "$up" "$@"; }

natively() {
  loopback unshare --mount sh -e -c '
    mount --make-rprivate /
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mount -t bpf bpf /sys/fs/bpf
    mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
    exec "$@"' sh timeout -k 2 60 "$python" "$here/main.py" "$@"
}
under_skep() {
  local files=$1
  shift
  loopback timeout -k 2 60 "$skep" run "--files=$files" --trace getpid -- "$python" "$here/main.py" "$@"
}

native=$work/native
if ! bpftool prog show >/dev/null 2>&1 || ! natively none >"$native" 2>&1; then
  echo "bpf(2) is not permitted here: comparing with what Linux 6.18 answered"
  cp "$here/native.txt" "$native"
  export HOOKS_UNPRIVILEGED=1
else
  natively "$@" >"$native" 2>&1
  if grep -q '^EXCEPTION\|^Traceback' "$native"; then
    echo "FAIL: a scenario does not run natively"
    grep -B3 -A9 '^EXCEPTION\|^Traceback' "$native"
    exit 1
  fi
  [ "$record" = 1 ] && cp "$native" "$here/native.txt"
fi

failed=0
for files in mounts paths; do
  under_skep "$files" "$@" >"$work/$files" 2>"$work/$files.err"
  "$python" "$here/compare.py" "$native" "$work/$files" "$files" || failed=1
  sed "s/^/$files: stderr: /" "$work/$files.err" | head -n 20
done
[ -n "${HOOKS_OUT:-}" ] && mkdir -p "$HOOKS_OUT" && cp "$work"/{native,mounts,paths} "$HOOKS_OUT"
exit $failed
