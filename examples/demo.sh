#!/usr/bin/env bash
# What skep makes possible, step by step; runs inside `skep run`, and as well as root on a Linux with BPF,
# tracefs at /sys/kernel/tracing, bpffs at /sys/fs/bpf and cgroup v2 at /sys/fs/cgroup.
# Usage: demo.sh DIRECTORY-WITH-THE-COMPILED-EXAMPLES
set -euo pipefail
cd "${1:?the directory that holds hello, hello.bpf.o, bind4_reject.bpf.o, sockopt.bpf.o}"
bpftool() { PATH="$PATH:/usr/sbin:/sbin" command bpftool "$@"; }
step() { printf '\n== %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }
export PYTHONUNBUFFERED=1
python=/usr/bin/python3

step "An ordinary libbpf program loads, attaches and pins a tracepoint program"
coproc HELLO { exec ./hello hello.bpf.o; }
hello_pid=$HELLO_PID
read -r line <&"${HELLO[0]}"; echo "$line"

step "A process calls execve; its line arrives in trace_pipe"
/bin/true
line=$(timeout 10 head -n 1 /sys/kernel/tracing/trace_pipe) || { echo "no line in trace_pipe" >&2; exit 1; }
echo "$line"
[[ $line == *"bpf_trace_printk: Hello from process "* ]]

step "The unmodified bpftool sees it all"
show bpftool prog show name hello
show bpftool prog dump xlated name hello
show bpftool map show name hello.rodata
show bpftool map dump name hello.rodata
show bpftool link show
show bpftool perf show
show ls /sys/fs/bpf

step "hello ends: its link, program and map go with it"
echo >&"${HELLO[1]}"
wait "$hello_pid"
show bpftool prog show

step "A control group in which no IPv4 bind succeeds"
show mkdir /sys/fs/cgroup/web
show bpftool prog load bind4_reject.bpf.o /sys/fs/bpf/bind4
show bpftool cgroup attach /sys/fs/cgroup/web cgroup_inet4_post_bind pinned /sys/fs/bpf/bind4
show bpftool cgroup tree /sys/fs/cgroup
port=$($python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
echo "outside the group, a bind works: port $port was free"
inside() { bash -c 'echo $$ > /sys/fs/cgroup/web/cgroup.procs && exec "$@"' inside "$@"; }
echo "\$ (in the group) python3 -m http.server $port"
refused=$(inside $python -m http.server --bind 127.0.0.1 "$port" 2>&1 | tail -n 1) || true
echo "$refused"
[[ $refused == "PermissionError: [Errno 1] Operation not permitted" ]]

step "After detach the same server serves"
show bpftool cgroup detach /sys/fs/cgroup/web cgroup_inet4_post_bind pinned /sys/fs/bpf/bind4
(inside $python -m http.server --bind 127.0.0.1 "$port" >/dev/null 2>&1) &
until server=$(pgrep -f "http.server --bind 127.0.0.1 $port"); do sleep 0.05; done
served=""
for _ in $(seq 50); do
  served=$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/") && break
  sleep 0.1
done
kill $server; wait
echo "GET / answered $served"
[[ $served == 200 ]]

step "Socket options as a program wants them"
bpftool prog loadall sockopt.bpf.o /sys/fs/bpf/sockopt
bpftool cgroup attach /sys/fs/cgroup/web cgroup_setsockopt pinned /sys/fs/bpf/sockopt/cap_sndbuf
bpftool cgroup attach /sys/fs/cgroup/web cgroup_getsockopt pinned /sys/fs/bpf/sockopt/custom_option
inside $python - <<'PYTHON'
import socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 100000)
got = s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
print("SO_SNDBUF set to 100000, reads", got, "(capped at 16384, doubled by the kernel)")
custom = int.from_bytes(s.getsockopt(0xdead, 1, 4), "little")
print("made-up option 0xdead/1 reads", custom)
assert got == 32768 and custom == 42
PYTHON
bpftool cgroup detach /sys/fs/cgroup/web cgroup_setsockopt pinned /sys/fs/bpf/sockopt/cap_sndbuf
bpftool cgroup detach /sys/fs/cgroup/web cgroup_getsockopt pinned /sys/fs/bpf/sockopt/custom_option
rm -r /sys/fs/bpf/sockopt /sys/fs/bpf/bind4
rmdir /sys/fs/cgroup/web

step "Nothing is left"
show bpftool prog show
show ls /sys/fs/bpf
echo "demo ok"
