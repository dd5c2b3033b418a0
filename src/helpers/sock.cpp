// Helpers on sockets: who they are, and what exists around them.
#include "net/sock.h"

#include "abi/bpf.h"
#include "helpers/impl.h"
#include "net/net_device.h"
#include "net/sk_buff.h"
#include "progtypes/kernel_ctx.h"

namespace skep::helpers {
namespace {

constexpr uint64_t kOverflowUid = 65534;

net::Sock* sock_of_skb(uint64_t ctx) { return reinterpret_cast<net::SkBuff*>(ctx)->sk; }
net::Sock* sock_of_address(uint64_t ctx) { return reinterpret_cast<progtypes::SockAddrKern*>(ctx)->sk; }
net::Sock* sock_of_option(uint64_t ctx) { return reinterpret_cast<progtypes::SockoptKern*>(ctx)->sk; }
net::Sock* sock_at(uint64_t pointer) { return reinterpret_cast<net::Sock*>(pointer); }

uint64_t cookie_of(net::Sock* sk) { return sk != nullptr ? net::socket_cookie(*sk) : 0; }

// Without a context: the first network namespace.
uint64_t netns_of(const net::Sock* sk) {
  return sk != nullptr ? sk->netns_cookie : net::loopback().netns_cookie;
}

uint64_t ancestor_of(const net::Sock* sk, uint64_t level, RunContext& run) {
  const int wanted = static_cast<int>(level);
  if (sk == nullptr || sk->full == 0 || sk->cgroup_id == 0 || wanted < 0) return 0;
  return run.env->ancestor_of_cgroup(sk->cgroup_id, wanted);
}

}  // namespace

uint64_t get_socket_cookie(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  return cookie_of(sock_of_skb(ctx));
}
uint64_t get_socket_cookie_sock_addr(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  return cookie_of(sock_of_address(ctx));
}
uint64_t get_socket_cookie_sock(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  return cookie_of(sock_at(ctx));
}

uint64_t get_netns_cookie(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  return netns_of(ctx != 0 ? sock_of_skb(ctx) : nullptr);
}
uint64_t get_netns_cookie_sock(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  return netns_of(sock_at(ctx));
}
uint64_t get_netns_cookie_sock_addr(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  return netns_of(ctx != 0 ? sock_of_address(ctx) : nullptr);
}
uint64_t get_socket_cookie_sock_ops(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  return net::socket_cookie(reinterpret_cast<progtypes::SockOpsKern*>(ctx)->sk->sk);
}

uint64_t get_netns_cookie_sock_ops(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  return netns_of(ctx != 0 ? &reinterpret_cast<progtypes::SockOpsKern*>(ctx)->sk->sk : nullptr);
}
uint64_t get_netns_cookie_sk_msg(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  return netns_of(ctx != 0 ? reinterpret_cast<progtypes::SkMsgKern*>(ctx)->sk : nullptr);
}
uint64_t get_netns_cookie_sockopt(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  return netns_of(ctx != 0 ? sock_of_option(ctx) : nullptr);
}

uint64_t get_socket_uid(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  const net::Sock* sk = sock_of_skb(ctx);
  return sk != nullptr && sk->full != 0 ? sk->uid : kOverflowUid;
}

uint64_t skb_cgroup_id(uint64_t ctx, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  const net::Sock* sk = sock_of_skb(ctx);
  return sk != nullptr && sk->full != 0 ? sk->cgroup_id : 0;
}

uint64_t sk_cgroup_id(uint64_t sk, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  return sk != 0 && sock_at(sk)->full != 0 ? sock_at(sk)->cgroup_id : 0;
}

uint64_t skb_ancestor_cgroup_id(uint64_t ctx, uint64_t level, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return ancestor_of(sock_of_skb(ctx), level, run);
}

uint64_t sk_ancestor_cgroup_id(uint64_t sk, uint64_t level, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return ancestor_of(sock_at(sk), level, run);
}

uint64_t tcp_sock(uint64_t sk, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  return sk != 0 && sock_at(sk)->full != 0 && sock_at(sk)->tcp != 0 ? sk : 0;
}

uint64_t get_listener_sock(uint64_t sk, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  return sk != 0 && sock_at(sk)->full != 0 && sock_at(sk)->state == abi::BPF_TCP_LISTEN ? sk : 0;
}

uint64_t sk_fullsock(uint64_t sk, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  return sk != 0 && sock_at(sk)->full != 0 ? sk : 0;
}

// The virtual network has no other sockets: every search finds nothing, so nothing is ever released either.
uint64_t find_no_socket(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) { return 0; }
uint64_t sk_release(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) { return 0; }

}  // namespace skep::helpers
