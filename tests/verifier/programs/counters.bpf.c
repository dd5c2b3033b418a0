// Map counters: per-CPU statistics, arrays with computed indexes, global variables and constants.
#include "common.h"

const volatile __u32 sample_rate = 3;
const volatile bool verbose = false;
const volatile __u32 limits[4] = {10, 20, 30, 40};
__u64 total;
__u32 histogram[16];

struct stats {
  __u64 packets;
  __u64 bytes;
};
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 8);
  __type(key, __u32);
  __type(value, struct stats);
} per_cpu SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32[64]);
} table SEC(".maps");

SEC("socket")
int count(struct __sk_buff *skb) {
  __u32 kind = skb->protocol & 7;
  struct stats *s = bpf_map_lookup_elem(&per_cpu, &kind);
  if (!s) return 0;
  s->packets += 1;
  s->bytes += skb->len;
  __sync_fetch_and_add(&total, 1);
  if (verbose) bpf_printk("%d", kind);
  if (sample_rate && total % sample_rate == 0) histogram[skb->len & 15] += 1;
  return skb->len > limits[kind & 3];
}

SEC("socket")
int log2_histogram(struct __sk_buff *skb) {
  __u32 value = skb->len, slot = 0, key = 0;
  for (int i = 0; i < 31 && value > 1; ++i) {
    value >>= 1;
    ++slot;
  }
  __u32 *slots = bpf_map_lookup_elem(&table, &key);
  if (!slots || slot >= 64) return 0;
  slots[slot] += 1;
  return slot;
}

SEC("socket")
int unbounded_index(struct __sk_buff *skb) {
  __u32 key = 0;
  __u32 *slots = bpf_map_lookup_elem(&table, &key);
  if (!slots) return 0;
  return slots[skb->len];
}

SEC("socket")
int index_off_by_one(struct __sk_buff *skb) {
  __u32 key = 0, at = skb->len;
  __u32 *slots = bpf_map_lookup_elem(&table, &key);
  if (!slots || at > 64) return 0;
  return slots[at];
}
