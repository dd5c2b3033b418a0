// XDP metadata: written before the packet, read by traffic control; headers pushed and popped.
#include "common.h"

struct meta {
  __u32 mark;
  __u32 magic;
};

SEC("xdp")
int write_meta(struct xdp_md *ctx) {
  if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(struct meta)) < 0) return XDP_ABORTED;
  void *data = (void *)(long)ctx->data;
  struct meta *meta = (void *)(long)ctx->data_meta;
  if ((void *)(meta + 1) > data) return XDP_ABORTED;
  meta->mark = ctx->rx_queue_index;
  meta->magic = 0x1234;
  return XDP_PASS;
}

SEC("tc")
int read_meta(struct __sk_buff *skb) {
  void *data = (void *)(long)skb->data;
  struct meta *meta = (void *)(long)skb->data_meta;
  if ((void *)(meta + 1) > data || meta->magic != 0x1234) return 0;
  skb->mark = meta->mark;
  return 0;
}

SEC("xdp")
int push_header(struct xdp_md *ctx) {
  if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct iphdr))) return XDP_DROP;
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct ethhdr *eth = data, *old = data + sizeof(struct iphdr);
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(old + 1) > end || (void *)(ip + 1) > end) return XDP_DROP;
  __builtin_memmove(eth, old, sizeof(*eth));
  __builtin_memset(ip, 0, sizeof(*ip));
  ip->version = 4;
  ip->ihl = 5;
  ip->ttl = 64;
  ip->protocol = IPPROTO_IPIP;
  __u32 sum = 0;
  __u16 *word = (void *)ip;
  for (int i = 0; i < 10; ++i) sum += word[i];
  sum = (sum & 0xffff) + (sum >> 16);
  ip->check = ~sum;
  return XDP_TX;
}
