#!/usr/bin/env bash
# Compiles the BPF programs of Linux's own selftests, from Debian's linux-source-6.12, into OUT/objects.
# Nothing of them is kept in this repository. Usage: build-objects.sh OUT LIST [CPU]
#   LIST: file with names of progs/*.c without ".c"; CPU: v2, v3 (default), v4
set -euo pipefail
out=$(realpath -m "$1")
list=$(realpath "$2")
cpu=${3:-v3}
here=$(cd "$(dirname "$0")" && pwd)
"$here/../../scripts/install-packages.sh" "$here/packages.txt"
mkdir -p "$out"
cd "$out"

tarball=/usr/src/linux-source-6.12.tar.xz
if [ ! -d source ]; then
  echo "unpacking $tarball"
  rm -rf source.part && mkdir source.part
  top=linux-source-6.12
  tar -xf "$tarball" -C source.part --strip-components=1 \
    "$top"/{Makefile,Kbuild,Kconfig,arch,include,kernel,lib,scripts,tools}
  mv source.part source
fi
selftests=$out/source/tools/testing/selftests/bpf
[ -d khdr/usr/include/linux ] || make -s -C source O="$out/khdr" headers >/dev/null
mkdir -p tools/include tools/build/libbpf
if [ ! -f tools/include/bpf/bpf_helpers.h ]; then
  make -s -C source/tools/lib/bpf OUTPUT="$out/tools/build/libbpf/" DESTDIR="$out/tools" prefix= \
    install_headers >/dev/null
fi
# Two prototypes of the live kernel differ from what the 6.12 tests declare.
if [ ! -f tools/include/vmlinux.h ]; then
  PATH="$PATH:/usr/sbin" bpftool btf dump file /sys/kernel/btf/vmlinux format c |
    grep -v -e 'bpf_lookup_user_key(' -e 'bpf_path_d_path(' >tools/include/vmlinux.h
fi

mkdir -p "objects/$cpu" logs
common="-g -O2 --target=bpf -mcpu=$cpu -D__TARGET_ARCH_x86 -mlittle-endian -DENABLE_ATOMICS_TESTS
 -I$out/tools/include -I$selftests -I$out/source/tools/include/uapi -I$out/khdr/usr/include
 -idirafter /usr/lib/llvm-19/lib/clang/19/include -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include
 -Wno-compare-distinct-pointer-types -Wno-incompatible-function-pointer-types"
compile_one() {
  local name=$1 extra=""
  case $name in
    bind4_prog|bind6_prog|connect4_prog|connect6_prog|sendmsg4_prog|sendmsg6_prog|recvmsg4_prog|recvmsg6_prog|test_sk_lookup) extra=-fno-strict-aliasing ;;
    test_l4lb_noinline|test_xdp_noinline) extra=-fno-inline ;;
  esac
  [ -f "objects/$cpu/$name.bpf.o" ] && return 0
  clang-19 $common $extra -c "$selftests/progs/$name.c" -o "objects/$cpu/$name.bpf.o" 2>"logs/$name.log" ||
    clang-19 $common $extra -DBPF_NO_KFUNC_PROTOTYPES -c "$selftests/progs/$name.c" -o "objects/$cpu/$name.bpf.o" 2>>"logs/$name.log" ||
    { rm -f "objects/$cpu/$name.bpf.o"; echo "does not compile: $name"; }
}
export -f compile_one
export common cpu selftests
xargs -a "$list" -P "$(nproc)" -I{} bash -c 'compile_one {}'
echo "$(ls "objects/$cpu" | wc -l) of $(wc -l <"$list") objects in $out/objects/$cpu"
