// NetDevice and RxQueue: the network device that a packet came in on or goes out of, as far as programs see
// it.
#pragma once

#include <cstdint>

namespace skep::net {

struct NetDevice {
  uint32_t ifindex = 1;
  uint32_t mtu = 65536;
  uint64_t netns_cookie = 1;
};

// The receive (or transmit) queue of an XDP buffer.
struct RxQueue {
  NetDevice* dev = nullptr;
  uint32_t queue_index = 0;
};

// The device packets have in a test run: loopback of an otherwise empty network, as on Linux.
NetDevice& loopback();

}  // namespace skep::net
