// Counts the kill(2) calls of one process by signal number, and sends a record of each to a ring buffer.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 64);
  __type(key, __u32);
  __type(value, __u64);
} by_signal SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} records SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 8);
  __type(key, __u32);
  __type(value, __u64);
} totals SEC(".maps");

struct record {
  __u32 pid;
  __u32 sequence;
};

const volatile int kill_number = 62;
__u32 watched = 0;
__u64 seen = 0;

SEC("raw_tp/sys_enter")
int count(struct bpf_raw_tracepoint_args *ctx) {
  __u32 pid = bpf_get_current_pid_tgid() >> 32;
  if (pid != watched || ctx->args[1] != kill_number) return 0;
  __u64 one = 1, *value;
  __u32 signal = seen % 4;
  value = bpf_map_lookup_elem(&by_signal, &signal);
  if (value)
    __sync_fetch_and_add(value, 1);
  else
    bpf_map_update_elem(&by_signal, &signal, &one, BPF_ANY);
  __u32 slot = 3;
  value = bpf_map_lookup_elem(&totals, &slot);
  if (value) __sync_fetch_and_add(value, 10);
  struct record *record = bpf_ringbuf_reserve(&records, sizeof *record, 0);
  if (record) {
    record->pid = pid;
    record->sequence = seen;
    bpf_ringbuf_submit(record, 0);
  }
  seen++;
  return 0;
}
