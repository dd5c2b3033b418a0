// Tail calls: a dispatcher by protocol, with constant and computed slots.
#include "common.h"

enum { SLOT_IP, SLOT_IPV6, SLOT_OTHER, SLOTS };

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, SLOTS);
  __type(key, __u32);
  __type(value, __u32);
} slots SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, SLOTS);
  __type(key, __u32);
  __type(value, __u64);
} seen SEC(".maps");

static __noinline void note(__u32 slot) {
  __u64 *count = bpf_map_lookup_elem(&seen, &slot);
  if (count) ++*count;
}

SEC("xdp")
int dispatch(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct ethhdr *eth = data;
  if ((void *)(eth + 1) > end) return XDP_DROP;
  switch (bpf_ntohs(eth->h_proto)) {
    case ETH_P_IP:
      note(SLOT_IP);
      bpf_tail_call(ctx, &slots, SLOT_IP);
      break;
    case ETH_P_IPV6:
      note(SLOT_IPV6);
      bpf_tail_call(ctx, &slots, SLOT_IPV6);
      break;
    default:
      bpf_tail_call(ctx, &slots, eth->h_dest[5]);
  }
  return XDP_PASS;
}

static __noinline int leave(struct xdp_md *ctx, __u32 slot) {
  bpf_tail_call(ctx, &slots, slot);
  return XDP_ABORTED;
}

SEC("xdp")
int through_a_function(struct xdp_md *ctx) { return leave(ctx, ctx->rx_queue_index & 1); }
