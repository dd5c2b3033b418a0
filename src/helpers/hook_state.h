// What RunContext::hook points at, per program type, beside the context in r1:
//
//   socket_filter, cgroup_skb, sched_cls, sched_act, xdp   PacketHook     (r1: net::SkBuff or net::XdpBuff)
//   cgroup_sock, cgroup_sock_addr, cgroup_sockopt          SocketHook     (r1: net::Sock,
//   progtypes::SockAddrKern,
//                                                                          progtypes::SockoptKern)
//   tracepoint, raw_tracepoint                             nothing, null
//
// A null hook is allowed everywhere: helpers that need one then answer as a kernel without the thing would.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "net/sock.h"
#include "progtypes/kernel_ctx.h"

namespace skep::helpers {

// Where a packet program wants the packet to go (bpf_redirect and its kin); the hook acts on it after the
// run.
struct PacketHook {
  uint32_t redirect_ifindex = 0;  // 0: none asked
  uint64_t redirect_flags = 0;
};

// The real socket behind a net::Sock, for helpers that act on it while the program runs. The supervisor gives
// one that works on its duplicate of the client's socket. Methods answer 0 or -errno as Linux does.
class SocketOps {
 public:
  virtual ~SocketOps() = default;
  virtual int set_option(net::Sock& sk, int level, int name, std::span<const std::byte> value) = 0;
  // Fills `value`; the number of bytes or -errno.
  virtual int get_option(net::Sock& sk, int level, int name, std::span<std::byte> value) = 0;
  virtual int bind(net::Sock& sk, const progtypes::SockaddrStorage& address, uint32_t len) = 0;
};

struct SocketHook {
  SocketOps* ops = nullptr;
};

}  // namespace skep::helpers
