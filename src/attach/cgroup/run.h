// Running a cgroup's programs on an event: one function for each shape of context. Linux's return rules
// (bpf_prog_run_array_cg): every program runs; one that returns 0 makes the verdict -EPERM unless a program
// has set another error with bpf_set_retval.
//
// The functions take plain data and hold a virtual CPU and an RCU read section for the run. `cgroup` is the
// socket's (that of its creator at creation time), as on Linux, not that of the calling task.
#pragma once

#include <cstdint>
#include <vector>

#include "attach/cgroup/cgroup.h"
#include "helpers/run_context.h"
#include "net/sock.h"
#include "progtypes/kernel_ctx.h"

namespace skep::helpers {
class SocketOps;
}

namespace skep::attach {

// `ops` lets helpers act on the real socket during the run; without it they answer as for a socket that has
// none. sock_create, sock_release, post_bind4, post_bind6: 0 or -errno.
int run_sock(const Cgroup& cgroup, uint32_t attach_type, net::Sock& sock, helpers::RunEnvironment& env,
             helpers::SocketOps* ops = nullptr);

struct SockAddrVerdict {
  int retval = 0;                        // 0 or -errno
  bool no_cap_net_bind_service = false;  // bind: a program waives CAP_NET_BIND_SERVICE for this port
};
// bind, connect, sendmsg, recvmsg, getpeername, getsockname. `address` (null: the message names none) is
// rewritten in place; `source` (sendmsg only, else null) has one word for IPv4, four for IPv6, in network
// order.
SockAddrVerdict run_sock_addr(const Cgroup& cgroup, uint32_t attach_type, net::Sock& sock,
                              progtypes::SockaddrStorage* address, uint32_t address_len, uint32_t* source,
                              helpers::RunEnvironment& env, helpers::SocketOps* ops = nullptr);

// setsockopt: before the kernel's own handling.
struct SetsockoptCall {
  int level = 0;
  int optname = 0;
  std::vector<uint8_t> value;  // what the client gave: at least min(optlen, kSockoptPage) bytes of it
  int optlen = 0;              // as the client gave it, not negative
};
struct SetsockoptVerdict {
  int retval = 0;            // -errno: the call fails with it
  bool bypass = false;       // the programs did all: the call succeeds without the kernel
  bool use_original = true;  // perform the call with the client's own bytes ...
  SetsockoptCall call;       // ... at this level and name; else with this value
};
SetsockoptVerdict run_setsockopt(const Cgroup& cgroup, net::Sock& sock, const SetsockoptCall& call,
                                 helpers::RunEnvironment& env, helpers::SocketOps* ops = nullptr);

// getsockopt: after the kernel's own handling.
struct GetsockoptCall {
  int level = 0;
  int optname = 0;
  int max_optlen = 0;          // what the client's *optlen was before the call
  int retval = 0;              // of the kernel: 0 or -errno
  std::vector<uint8_t> value;  // what the kernel returned: its *optlen bytes; empty after an error
  bool has_buffer = true;      // optval was not NULL
};
struct GetsockoptVerdict {
  int retval = 0;        // the result of the call: -errno, or what a program made of 0
  bool rewrite = false;  // write `value` and `optlen` to the client
  int optlen = 0;
  std::vector<uint8_t> value;  // `optlen` bytes; none for a client without buffer
};
GetsockoptVerdict run_getsockopt(const Cgroup& cgroup, net::Sock& sock, const GetsockoptCall& call,
                                 helpers::RunEnvironment& env, helpers::SocketOps* ops = nullptr);

// Programs see at most a page of an option's value.
inline constexpr int kSockoptPage = 4096;

}  // namespace skep::attach
