// BPF-to-BPF calls: static and global functions, pointers as arguments, calls in loops.
#include "common.h"

struct pair {
  __u32 a;
  __u32 b;
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, struct pair);
} pairs SEC(".maps");

static __noinline __u32 mix(__u32 a, __u32 b) {
  a ^= b >> 3;
  return a * 2654435761u + b;
}

static __noinline int fill(struct pair *pair, __u32 seed) {
  pair->a = mix(seed, 1);
  pair->b = mix(seed, pair->a);
  return pair->a & 0xff;
}

__noinline int clamp(__u32 value, __u32 limit) { return value < limit ? value : limit; }

__noinline int sum_pair(struct pair *pair) {
  if (!pair) return -1;
  return pair->a + pair->b;
}

__noinline int from_context(struct __sk_buff *skb) { return skb->len + clamp(skb->mark, 100); }

SEC("tc")
int static_calls(struct __sk_buff *skb) {
  struct pair pair;
  __u32 key = skb->len & 3;
  int low = fill(&pair, skb->len);
  struct pair *stored = bpf_map_lookup_elem(&pairs, &key);
  if (stored) *stored = pair;
  return low;
}

SEC("tc")
int global_calls(struct __sk_buff *skb) {
  __u32 key = 1;
  struct pair local = {skb->len, 7}, *stored = bpf_map_lookup_elem(&pairs, &key);
  int result = sum_pair(&local) + sum_pair(stored) + sum_pair(0) + from_context(skb);
  for (int i = 0; i < 5; ++i) result += clamp(result, i * 10);
  return result;
}

SEC("tc")
int unknown_result(struct __sk_buff *skb) {
  __u32 key = 0;
  __u8 *bytes = bpf_map_lookup_elem(&pairs, &key);
  if (!bytes) return 0;
  return bytes[clamp(skb->len, 7)];
}

SEC("tc")
int checked_result(struct __sk_buff *skb) {
  __u32 key = 0;
  __u8 *bytes = bpf_map_lookup_elem(&pairs, &key);
  if (!bytes) return 0;
  return bytes[clamp(skb->len, 7) & 7];
}
