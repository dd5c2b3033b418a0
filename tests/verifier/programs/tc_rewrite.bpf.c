// Traffic control: destination rewriting with checksums, marks, headroom for encapsulation.
#include "common.h"

struct rule {
  __be32 address;
  __be16 port;
  __u16 mark;
};
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, __be32);
  __type(value, struct rule);
} rules SEC(".maps");

#define IP_OFFSET ETH_HLEN

SEC("tc")
int rewrite(struct __sk_buff *skb) {
  if (bpf_skb_pull_data(skb, ETH_HLEN + sizeof(struct iphdr) + sizeof(struct tcphdr)) < 0) return 0;
  void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct tcphdr *tcp = (void *)(ip + 1);
  if ((void *)(tcp + 1) > end) return 0;
  if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_TCP || ip->ihl != 5) return 0;
  __be32 old = ip->daddr;
  __be16 old_port = tcp->dest;
  struct rule *rule = bpf_map_lookup_elem(&rules, &old);
  if (!rule) return 0;
  __be32 address = rule->address;
  __be16 port = rule->port;
  skb->mark = rule->mark;
  bpf_l4_csum_replace(skb, IP_OFFSET + 20 + offsetof(struct tcphdr, check), old, address, BPF_F_PSEUDO_HDR | 4);
  bpf_l3_csum_replace(skb, IP_OFFSET + offsetof(struct iphdr, check), old, address, 4);
  bpf_skb_store_bytes(skb, IP_OFFSET + offsetof(struct iphdr, daddr), &address, 4, 0);
  bpf_l4_csum_replace(skb, IP_OFFSET + 20 + offsetof(struct tcphdr, check), old_port, port, 2);
  bpf_skb_store_bytes(skb, IP_OFFSET + 20 + offsetof(struct tcphdr, dest), &port, 2, 0);
  return 0;
}

SEC("tc")
int stale_pointer(struct __sk_buff *skb) {
  void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  struct ethhdr *eth = data;
  if ((void *)(eth + 1) > end) return 0;
  bpf_skb_change_tail(skb, 200, 0);
  return eth->h_dest[0];
}

SEC("tc")
int sum_payload(struct __sk_buff *skb) {
  __u8 buffer[64] = {};
  __u32 sum = 0, length = skb->len;
  if (length > sizeof(buffer)) length = sizeof(buffer);
  if (length == 0) return 0;
  if (bpf_skb_load_bytes(skb, 0, buffer, length) < 0) return 0;
  for (int i = 0; i < 64; ++i) sum += buffer[i];
  skb->cb[0] = sum;
  return sum & 1;
}
