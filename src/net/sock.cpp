#include "net/sock.h"

#include <atomic>

namespace skep::net {

uint64_t socket_cookie(Sock& sk) {
  static std::atomic<uint64_t> next{1};
  if (sk.cookie == 0) sk.cookie = next.fetch_add(1, std::memory_order_relaxed);
  return sk.cookie;
}

}  // namespace skep::net
