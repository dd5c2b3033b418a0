// A packet parser: VLAN tags, IPv4 options, IPv6 extension headers, ports, counters by port.
#include "common.h"

struct vlan {
  __be16 tci;
  __be16 proto;
};
struct cursor {
  void *at;
  void *end;
};
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, __u16);
  __type(value, __u64);
} ports SEC(".maps");

static __always_inline int skip_vlans(struct cursor *c, __be16 *proto) {
#pragma unroll
  for (int i = 0; i < 3; ++i) {
    if (*proto != bpf_htons(ETH_P_8021Q) && *proto != bpf_htons(ETH_P_8021AD)) return 0;
    struct vlan *tag = c->at;
    if ((void *)(tag + 1) > c->end) return -1;
    *proto = tag->proto;
    c->at = tag + 1;
  }
  return 0;
}

static __always_inline int parse_ipv6(struct cursor *c, __u8 *protocol) {
  struct ipv6hdr *ip = c->at;
  if ((void *)(ip + 1) > c->end) return -1;
  __u8 next = ip->nexthdr;
  c->at = ip + 1;
  for (int i = 0; i < 6; ++i) {
    if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS) break;
    __u8 *header = c->at;
    if ((void *)(header + 8) > c->end) return -1;
    next = header[0];
    c->at += (header[1] + 1) * 8;
  }
  *protocol = next;
  return 0;
}

static __always_inline int parse_ipv4(struct cursor *c, __u8 *protocol) {
  struct iphdr *ip = c->at;
  if ((void *)(ip + 1) > c->end) return -1;
  if (ip->ihl < 5) return -1;
  *protocol = ip->protocol;
  c->at += ip->ihl * 4;
  return 0;
}

SEC("xdp")
int parse(struct xdp_md *ctx) {
  struct cursor c = {(void *)(long)ctx->data, (void *)(long)ctx->data_end};
  struct ethhdr *eth = c.at;
  if ((void *)(eth + 1) > c.end) return XDP_PASS;
  __be16 proto = eth->h_proto;
  c.at = eth + 1;
  if (skip_vlans(&c, &proto) < 0) return XDP_DROP;
  __u8 protocol;
  if (proto == bpf_htons(ETH_P_IP)) {
    if (parse_ipv4(&c, &protocol) < 0) return XDP_DROP;
  } else if (proto == bpf_htons(ETH_P_IPV6)) {
    if (parse_ipv6(&c, &protocol) < 0) return XDP_DROP;
  } else {
    return XDP_PASS;
  }
  if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) return XDP_PASS;
  struct udphdr *ports_of = c.at;
  if ((void *)(ports_of + 1) > c.end) return XDP_DROP;
  __u16 port = bpf_ntohs(ports_of->dest);
  __u64 *count = bpf_map_lookup_elem(&ports, &port);
  if (count) {
    __sync_fetch_and_add(count, 1);
  } else {
    __u64 one = 1;
    bpf_map_update_elem(&ports, &port, &one, BPF_NOEXIST);
  }
  return XDP_PASS;
}

SEC("xdp")
int swap_addresses(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end) return XDP_DROP;
  if (eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  __u8 mac[ETH_ALEN];
  __builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
  __builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
  __builtin_memcpy(eth->h_source, mac, ETH_ALEN);
  __be32 address = ip->saddr;
  ip->saddr = ip->daddr;
  ip->daddr = address;
  return XDP_TX;
}

SEC("xdp")
int unchecked(struct xdp_md *ctx) {
  struct ethhdr *eth = (void *)(long)ctx->data;
  if ((void *)eth + 12 > (void *)(long)ctx->data_end) return XDP_PASS;
  return eth->h_proto == 8 ? XDP_DROP : XDP_PASS;
}
