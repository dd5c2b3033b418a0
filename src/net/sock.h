// Sock: the kernel's side of a socket, as far as programs see it. Contexts of socket programs are views of
// it.
//
// Owned by whoever runs the hook; a program holds it for one run. Plain data: programs read it through
// lowered loads at fixed offsets (progtypes/ctx/).
#pragma once

#include <cstdint>
#include <type_traits>

namespace skep::net {

struct Sock {
  uint16_t family = 0;       // AF_*
  uint16_t type = 0;         // SOCK_*
  uint16_t protocol = 0;     // IPPROTO_*
  uint8_t state = 0;         // abi::BPF_TCP_*
  uint8_t full = 1;          // 0 for request and time-wait sockets
  uint8_t tcp = 0;           // 1: this is the first member of a TcpSock
  int32_t bound_dev_if = 0;  // ifindex, 0 when not bound to a device
  uint32_t mark = 0;
  uint32_t priority = 0;
  uint32_t src_ip4 = 0;      // network order
  uint32_t src_ip6[4] = {};  // network order
  uint32_t dst_ip4 = 0;      // network order
  uint32_t dst_ip6[4] = {};  // network order
  uint16_t src_port = 0;     // host order
  uint16_t dst_port = 0;     // network order
  uint16_t rx_queue_mapping = kNoQueue;
  uint32_t uid = 0;     // of the owner
  uint64_t cookie = 0;  // never 0 once asked for
  uint64_t netns_cookie = 1;
  uint64_t cgroup_id = 0;

  static constexpr uint16_t kNoQueue = 0xffff;
};
static_assert(std::is_standard_layout_v<Sock>);

// Given out when first asked for, and never again to another socket.
uint64_t socket_cookie(Sock& sk);

}  // namespace skep::net
