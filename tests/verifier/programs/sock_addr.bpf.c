// Cgroup hooks on addresses: a service map that rewrites connects, and its way back.
#include "common.h"

struct service {
  __be32 address;
  __be32 port;
};
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 128);
  __type(key, struct service);
  __type(value, struct service);
} services SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 128);
  __type(key, __u64);
  __type(value, struct service);
} origins SEC(".maps");

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx) {
  struct service key = {ctx->user_ip4, ctx->user_port};
  if (ctx->type != 1 && ctx->type != 2) return 1;
  struct service *target = bpf_map_lookup_elem(&services, &key);
  if (!target) return 1;
  __u64 cookie = bpf_get_socket_cookie(ctx);
  bpf_map_update_elem(&origins, &cookie, &key, 0);
  ctx->user_ip4 = target->address;
  ctx->user_port = target->port;
  return 1;
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx) {
  __u64 cookie = bpf_get_socket_cookie(ctx);
  struct service *origin = bpf_map_lookup_elem(&origins, &cookie);
  if (origin) {
    ctx->user_ip4 = origin->address;
    ctx->user_port = origin->port;
  }
  return 1;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx) {
  if (ctx->user_ip6[0] || ctx->user_ip6[1] || ctx->user_ip6[2] != bpf_htonl(0xffff)) return 1;
  ctx->user_ip6[3] = bpf_htonl(0x7f000001);
  return 1;
}

SEC("cgroup/bind4")
int bind4(struct bpf_sock_addr *ctx) { return bpf_ntohs(ctx->user_port) >= 1024 ? 1 : 0; }

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx) {
  if (ctx->user_port == bpf_htons(53)) ctx->user_ip4 = bpf_htonl(0x7f000035);
  return 1;
}

SEC("cgroup/connect4")
int wrong_result(struct bpf_sock_addr *ctx) { return ctx->user_port; }

SEC("cgroup/connect4")
int wrong_field(struct bpf_sock_addr *ctx) {
  ctx->user_ip6[0] = 0;
  return 1;
}
