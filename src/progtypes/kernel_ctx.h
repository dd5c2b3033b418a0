// The kernel-side contexts of program types other than packets: what r1 points at while a program runs.
//
// Programs name the fields of abi::bpf_sock_addr and its like; progtypes/ctx/*.def lowers those to loads from
// these structs. Hooks fill them, run the programs, and read them back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "abi/ctx.h"
#include "net/sk_buff.h"
#include "net/sock.h"
#include "net/tcp_sock.h"

namespace skep::progtypes {

// A socket address as programs may see and rewrite it, in the layout of sockaddr_in, sockaddr_in6,
// sockaddr_un.
union SockaddrStorage {
  uint8_t bytes[128] = {};
  struct {
    uint16_t family;
    uint16_t port;  // network order
    union {
      uint32_t ip4;  // network order
      uint32_t flow_info;
    };
    uint32_t ip6[4];  // network order
    uint32_t scope_id;
  };
  struct {
    uint16_t unix_family;
    uint8_t path[108];
  };
};
static_assert(sizeof(SockaddrStorage) == 128 && offsetof(SockaddrStorage, port) == 2 &&
              offsetof(SockaddrStorage, ip6) == 8);

// cgroup_sock_addr.
struct SockAddrKern {
  net::Sock* sk = nullptr;
  SockaddrStorage* address = nullptr;
  uint64_t scratch = 0;        // a lowered store keeps a register here
  uint32_t* source = nullptr;  // msg_src_ip4, msg_src_ip6: one or four words, network order
  uint32_t address_len = 0;
};
static_assert(std::is_standard_layout_v<SockAddrKern>);

// Where the return value of a cgroup hook lives: &RunContext::retval.
struct RetvalHolder {
  int32_t* retval = nullptr;
};

// cgroup_sockopt.
struct SockoptKern {
  net::Sock* sk = nullptr;
  uint8_t* optval = nullptr;
  uint8_t* optval_end = nullptr;
  int32_t level = 0;
  int32_t optname = 0;
  int32_t optlen = 0;
  RetvalHolder* holder = nullptr;
  uint64_t scratch = 0;  // a lowered store keeps a register here
};
static_assert(std::is_standard_layout_v<SockoptKern>);

// sock_ops. The flags say how much of the socket programs see: request and time-wait sockets are not full,
// and the TCP state counts only while the socket is locked.
struct SockOpsKern {
  net::TcpSock* sk = nullptr;  // never null
  union {
    uint32_t args[4] = {};
    uint32_t reply;
  };
  net::SkBuff* skb = nullptr;  // the segment, where there is one
  uint8_t* skb_data_end = nullptr;
  uint64_t scratch = 0;  // a lowered access keeps a register here
  uint8_t op = 0;        // abi::BPF_SOCK_OPS_*
  uint8_t is_fullsock = 0;
  uint8_t is_locked_tcp_sock = 0;
  uint8_t remaining_opt_len = 0;  // room for options in the header that is being written
};
static_assert(std::is_standard_layout_v<SockOpsKern>);

// sk_lookup.
struct SkLookupKern {
  uint16_t family = 0;
  uint16_t protocol = 0;
  uint16_t remote_port = 0;  // network order
  uint16_t local_port = 0;   // host order
  uint32_t remote_ip4 = 0;   // network order
  uint32_t local_ip4 = 0;
  const uint32_t* remote_ip6 = nullptr;  // four words; null with AF_INET
  const uint32_t* local_ip6 = nullptr;
  net::Sock* selected_sk = nullptr;
  uint32_t ingress_ifindex = 0;
  bool no_reuseport = false;
};
static_assert(std::is_standard_layout_v<SkLookupKern>);

// sk_reuseport.
struct ReuseportKern {
  net::SkBuff* skb = nullptr;
  net::Sock* sk = nullptr;           // the one that listens
  net::Sock* selected_sk = nullptr;  // bpf_sk_select_reuseport
  net::Sock* migrating_sk = nullptr;
  uint8_t* data_end = nullptr;
  uint32_t hash = 0;
  uint8_t bind_inany = 0;
};
static_assert(std::is_standard_layout_v<ReuseportKern>);

// sk_msg.
struct SkMsgKern {
  uint8_t* data = nullptr;
  uint8_t* data_end = nullptr;
  net::Sock* sk = nullptr;
  uint8_t* start = nullptr;  // of the whole message, which is linear
  uint32_t size = 0;         // of the whole message
  uint32_t apply_bytes = 0;
  uint32_t cork_bytes = 0;
};
static_assert(std::is_standard_layout_v<SkMsgKern>);

// flow_dissector.
struct FlowDissectorKern {
  abi::bpf_flow_keys* flow_keys = nullptr;
  const net::SkBuff* skb = nullptr;
  uint8_t* data = nullptr;
  uint8_t* data_end = nullptr;
};
static_assert(std::is_standard_layout_v<FlowDissectorKern>);

// cgroup_sysctl.
struct SysctlKern {
  uint32_t write = 0;
  int64_t* file_pos = nullptr;
  uint64_t scratch = 0;           // a lowered store keeps a register here
  const char* name = "";          // of the file, below /proc/sys
  const char* current = nullptr;  // value before the call; null: it cannot be read
  uint32_t current_len = 0;
  char* new_value = nullptr;  // what is being written, room for a page; null on reads
  uint32_t new_len = 0;
  bool new_updated = false;
};
static_assert(std::is_standard_layout_v<SysctlKern>);

// perf_event.
struct PerfSample {
  uint64_t period = 0;
  uint64_t addr = 0;
};
struct PerfEventKern {
  abi::pt_regs* regs = nullptr;
  PerfSample* data = nullptr;
};
static_assert(std::is_standard_layout_v<PerfEventKern>);

// netfilter. Both are objects of the kernel: programs hold pointers to them and no more.
struct NetfilterHookState {
  uint8_t hook = 0;
  uint8_t family = 0;
};
struct NetfilterKern {
  const NetfilterHookState* state = nullptr;
  net::SkBuff* skb = nullptr;
};
static_assert(std::is_standard_layout_v<NetfilterKern>);

// raw_tracepoint, raw_tracepoint_writable.
struct RawTracepointArgs {
  uint64_t args[12] = {};
};

}  // namespace skep::progtypes
