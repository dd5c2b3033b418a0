// Tracepoints: arguments, strings of user space, per-process counts.
#include "common.h"

struct sys_enter {
  __u64 common;
  __s64 number;
  __u64 args[6];
};
struct path {
  __u32 pid;
  char comm[16];
  char name[64];
};
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 512);
  __type(key, __u32);
  __type(value, struct path);
} last SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct path);
} scratch SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_openat")
int openat(struct sys_enter *ctx) {
  __u32 key = 0, pid = bpf_get_current_pid_tgid() >> 32;
  struct path *path = bpf_map_lookup_elem(&scratch, &key);
  if (!path) return 0;
  path->pid = pid;
  bpf_get_current_comm(path->comm, sizeof(path->comm));
  long length = bpf_probe_read_user_str(path->name, sizeof(path->name), (void *)ctx->args[1]);
  if (length <= 0) return 0;
  if (length > 1 && length <= (long)sizeof(path->name)) path->name[length - 1] = '/';
  bpf_map_update_elem(&last, &pid, path, 0);
  return 0;
}

SEC("tracepoint/syscalls/sys_enter_openat")
int overlong(struct sys_enter *ctx) {
  char name[32];
  long length = bpf_probe_read_user_str(name, 64, (void *)ctx->args[1]);
  return length;
}

SEC("raw_tracepoint/sys_enter")
int raw(struct bpf_raw_tracepoint_args *ctx) {
  __u64 number = ctx->args[1], word = 0;
  if (number > 400) return 0;
  bpf_probe_read_kernel(&word, sizeof(word), (void *)ctx->args[0]);
  return word & 1;
}

SEC("raw_tracepoint/sys_enter")
int dereferenced(struct bpf_raw_tracepoint_args *ctx) {
  __u64 *regs = (void *)ctx->args[0];
  return *regs;
}
