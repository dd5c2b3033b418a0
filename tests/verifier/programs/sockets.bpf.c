// Sockets from packets: lookup with release, fields of the socket behind a packet.
#include "common.h"

SEC("tc")
int known_peer(struct __sk_buff *skb) {
  void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct tcphdr *tcp = (void *)(ip + 1);
  struct bpf_sock_tuple tuple = {};
  if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_TCP) return 0;
  tuple.ipv4.saddr = ip->saddr;
  tuple.ipv4.daddr = ip->daddr;
  tuple.ipv4.sport = tcp->source;
  tuple.ipv4.dport = tcp->dest;
  struct bpf_sock *sk = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
  if (!sk) return 2;
  int state = sk->state;
  bpf_sk_release(sk);
  return state == 10 ? 0 : 2;
}

SEC("tc")
int leaked(struct __sk_buff *skb) {
  struct bpf_sock_tuple tuple = {};
  struct bpf_sock *sk = bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
  return sk ? 1 : 0;
}

SEC("tc")
int own_socket(struct __sk_buff *skb) {
  struct bpf_sock *sk = skb->sk;
  if (!sk) return 0;
  sk = bpf_sk_fullsock(sk);
  if (!sk) return 0;
  return sk->mark ? sk->priority : sk->src_port;
}
