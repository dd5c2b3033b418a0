// Socket options: refused, rewritten, answered.
#include "common.h"

#define MY_LEVEL 0xbeef

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} value SEC(".maps");

SEC("cgroup/setsockopt")
int set(struct bpf_sockopt *ctx) {
  __u8 *optval = ctx->optval, *end = ctx->optval_end;
  if (ctx->level == 1 && ctx->optname == 8) return 0;
  if (ctx->level != MY_LEVEL) return 1;
  if (optval + 4 > end) return 0;
  __u32 key = 0, number;
  __builtin_memcpy(&number, optval, 4);
  bpf_map_update_elem(&value, &key, &number, 0);
  ctx->optlen = -1;
  return 1;
}

SEC("cgroup/getsockopt")
int get(struct bpf_sockopt *ctx) {
  __u32 *optval = ctx->optval, *end = ctx->optval_end;
  if (ctx->level != MY_LEVEL) {
    if (ctx->optlen > 4096) ctx->optlen = 0;
    return 1;
  }
  if (optval + 1 > end) return 0;
  __u32 key = 0, *stored = bpf_map_lookup_elem(&value, &key);
  if (!stored) return 0;
  *optval = *stored;
  ctx->optlen = 4;
  ctx->retval = 0;
  return 1;
}

SEC("cgroup/setsockopt")
int unchecked(struct bpf_sockopt *ctx) {
  __u8 *optval = ctx->optval;
  return optval[0] & 1;
}

SEC("cgroup/sock_create")
int create(struct bpf_sock *sk) {
  sk->mark = 7;
  return sk->family == 2 || sk->family == 10;
}

SEC("cgroup/post_bind4")
int post_bind(struct bpf_sock *sk) { return sk->src_port > 1023 && sk->src_ip4 != 0; }

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb) {
  void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  struct iphdr *ip = data;
  if ((void *)(ip + 1) > end) return 1;
  if (ip->version != 4) return 1;
  return ip->ttl > 1 ? 1 : 0;
}
