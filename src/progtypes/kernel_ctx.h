// The kernel-side contexts of program types other than packets: what r1 points at while a program runs.
//
// Programs name the fields of abi::bpf_sock_addr and its like; progtypes/ctx/*.def lowers those to loads from
// these structs. Hooks fill them, run the programs, and read them back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "net/sock.h"

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

// raw_tracepoint, raw_tracepoint_writable.
struct RawTracepointArgs {
  uint64_t args[12] = {};
};

}  // namespace skep::progtypes
