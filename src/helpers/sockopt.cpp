// Helpers that act on the real socket: setsockopt, getsockopt, bind. They go through the hook's SocketOps;
// which options programs may name is one table.
#include <cerrno>
#include <cstring>

#include "helpers/hook_state.h"
#include "helpers/impl.h"

namespace skep::helpers {
namespace {

constexpr uint16_t kInet = 2, kInet6 = 10;  // AF_*
constexpr int kSolIp = 0, kSolSocket = 1, kSolTcp = 6, kSolIpv6 = 41;
constexpr uint16_t kStream = 1;  // SOCK_STREAM
constexpr uint16_t kTcp = 6;     // IPPROTO_TCP

enum class Size : uint8_t { kInt, kAny };

// Options that Linux 6.18 lets programs set and get, by the numbers of <asm-generic/socket.h>, <linux/tcp.h>,
// <linux/in.h>, <linux/in6.h>.
struct Option {
  int level;
  int name;
  Size size = Size::kInt;
  bool readable = true;
  bool writable = true;
};
constexpr Option kOptions[] = {
    {kSolSocket, 2},                         // SO_REUSEADDR
    {kSolSocket, 7},                         // SO_SNDBUF
    {kSolSocket, 8},                         // SO_RCVBUF
    {kSolSocket, 9},                         // SO_KEEPALIVE
    {kSolSocket, 12},                        // SO_PRIORITY
    {kSolSocket, 15},                        // SO_REUSEPORT
    {kSolSocket, 18},                        // SO_RCVLOWAT
    {kSolSocket, 36},                        // SO_MARK
    {kSolSocket, 47},                        // SO_MAX_PACING_RATE
    {kSolSocket, 62},                        // SO_BINDTOIFINDEX
    {kSolSocket, 74},                        // SO_TXREHASH
    {kSolSocket, 25, Size::kAny},            // SO_BINDTODEVICE
    {kSolTcp, 1},                            // TCP_NODELAY
    {kSolTcp, 2},                            // TCP_MAXSEG
    {kSolTcp, 4},                            // TCP_KEEPIDLE
    {kSolTcp, 5},                            // TCP_KEEPINTVL
    {kSolTcp, 6},                            // TCP_KEEPCNT
    {kSolTcp, 7},                            // TCP_SYNCNT
    {kSolTcp, 10},                           // TCP_WINDOW_CLAMP
    {kSolTcp, 16},                           // TCP_THIN_LINEAR_TIMEOUTS
    {kSolTcp, 18},                           // TCP_USER_TIMEOUT
    {kSolTcp, 25},                           // TCP_NOTSENT_LOWAT
    {kSolTcp, 27},                           // TCP_SAVE_SYN
    {kSolTcp, 13, Size::kAny},               // TCP_CONGESTION
    {kSolTcp, 28, Size::kAny, true, false},  // TCP_SAVED_SYN
    {kSolIp, 1},                             // IP_TOS
    {kSolIp, 51},                            // IP_LOCAL_PORT_RANGE
    {kSolIpv6, 67},                          // IPV6_TCLASS
    {kSolIpv6, 70},                          // IPV6_AUTOFLOWLABEL
};

bool level_fits(const net::Sock& sk, int level) {
  switch (level) {
    case kSolTcp:
      return sk.type == kStream && sk.protocol == kTcp;
    case kSolIp:
      return sk.family == kInet;
    case kSolIpv6:
      return sk.family == kInet6;
    default:
      return true;
  }
}

bool allowed(const net::Sock& sk, int level, int name, size_t size, bool write) {
  if (sk.full == 0 || !level_fits(sk, level)) return false;
  for (const Option& option : kOptions)
    if (option.level == level && option.name == name)
      return (write ? option.writable : option.readable) &&
             (option.size == Size::kAny || size == sizeof(int));
  return false;
}

uint64_t status(int code) { return static_cast<uint64_t>(int64_t{code}); }
SocketOps* ops_of(const RunContext& run) {
  const auto* hook = static_cast<const SocketHook*>(run.hook);
  return hook != nullptr ? hook->ops : nullptr;
}

uint64_t set(net::Sock* sk, uint64_t level, uint64_t name, uint64_t value, uint64_t size, RunContext& run) {
  const std::span bytes(reinterpret_cast<const std::byte*>(value), static_cast<uint32_t>(size));
  const int at_level = static_cast<int>(level), option = static_cast<int>(name);
  if (sk == nullptr || !allowed(*sk, at_level, option, bytes.size(), true)) return status(-EINVAL);
  SocketOps* ops = ops_of(run);
  return status(ops != nullptr ? ops->set_option(*sk, at_level, option, bytes) : -EOPNOTSUPP);
}

uint64_t get(net::Sock* sk, uint64_t level, uint64_t name, uint64_t value, uint64_t size, RunContext& run) {
  const std::span bytes(reinterpret_cast<std::byte*>(value), static_cast<uint32_t>(size));
  const int at_level = static_cast<int>(level), option = static_cast<int>(name);
  int got = -EINVAL;
  if (sk != nullptr && allowed(*sk, at_level, option, bytes.size(), false)) {
    SocketOps* ops = ops_of(run);
    got = ops != nullptr ? ops->get_option(*sk, at_level, option, bytes) : -EOPNOTSUPP;
  }
  const size_t filled = got > 0 ? std::min(static_cast<size_t>(got), bytes.size()) : 0;
  memset(bytes.data() + filled, 0, bytes.size() - filled);
  return status(got < 0 ? got : 0);
}

net::Sock* sock_of_address(uint64_t ctx) { return reinterpret_cast<progtypes::SockAddrKern*>(ctx)->sk; }

}  // namespace

uint64_t sock_addr_setsockopt(uint64_t ctx, uint64_t level, uint64_t name, uint64_t value, uint64_t size,
                              RunContext& run) {
  return set(sock_of_address(ctx), level, name, value, size, run);
}

uint64_t sock_addr_getsockopt(uint64_t ctx, uint64_t level, uint64_t name, uint64_t value, uint64_t size,
                              RunContext& run) {
  return get(sock_of_address(ctx), level, name, value, size, run);
}

uint64_t sk_setsockopt(uint64_t sk, uint64_t level, uint64_t name, uint64_t value, uint64_t size,
                       RunContext& run) {
  return set(reinterpret_cast<net::Sock*>(sk), level, name, value, size, run);
}

uint64_t sk_getsockopt(uint64_t sk, uint64_t level, uint64_t name, uint64_t value, uint64_t size,
                       RunContext& run) {
  return get(reinterpret_cast<net::Sock*>(sk), level, name, value, size, run);
}

uint64_t sock_ops_setsockopt(uint64_t ctx, uint64_t level, uint64_t name, uint64_t value, uint64_t size,
                             RunContext& run) {
  const auto& kernel = *reinterpret_cast<progtypes::SockOpsKern*>(ctx);
  if (kernel.is_locked_tcp_sock == 0) return status(-EOPNOTSUPP);
  return set(&kernel.sk->sk, level, name, value, size, run);
}

uint64_t sock_ops_getsockopt(uint64_t ctx, uint64_t level, uint64_t name, uint64_t value, uint64_t size,
                             RunContext& run) {
  const auto& kernel = *reinterpret_cast<progtypes::SockOpsKern*>(ctx);
  if (kernel.is_locked_tcp_sock == 0) return status(-EOPNOTSUPP);
  return get(&kernel.sk->sk, level, name, value, size, run);
}

uint64_t bind_helper(uint64_t ctx, uint64_t address, uint64_t size, uint64_t, uint64_t, RunContext& run) {
  constexpr uint32_t kSockaddrIn = 16, kSockaddrIn6 = 24;  // the latter without the scope, as RFC 2133 had it
  const auto length = static_cast<uint32_t>(size);
  progtypes::SockaddrStorage wanted;
  if (length < sizeof(wanted.family)) return status(-EINVAL);
  memcpy(wanted.bytes, reinterpret_cast<const void*>(address), std::min<size_t>(length, sizeof(wanted)));
  if (wanted.family != kInet && wanted.family != kInet6) return status(-EAFNOSUPPORT);
  if (length < (wanted.family == kInet ? kSockaddrIn : kSockaddrIn6)) return status(-EINVAL);
  net::Sock* sk = sock_of_address(ctx);
  SocketOps* ops = ops_of(run);
  if (sk == nullptr || ops == nullptr) return status(-EOPNOTSUPP);
  return status(ops->bind(*sk, wanted, length));
}

}  // namespace skep::helpers
