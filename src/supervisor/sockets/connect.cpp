// connect(2): connect4/6 may refuse or rewrite the destination of TCP and UDP sockets.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "abi/bpf.h"
#include "attach/cgroup/run.h"
#include "supervisor/handlers.h"
#include "supervisor/sockets/policy_socket.h"
#include "supervisor/sockets/rights.h"

namespace skep::supervisor {

namespace {

constexpr uint8_t kTcpClose = 7;

bool has_send_timeout(int fd) {
  timeval timeout{};
  socklen_t length = sizeof timeout;
  return ::getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, &length) == 0 &&
         (timeout.tv_sec != 0 || timeout.tv_usec != 0);
}

Outcome perform(Supervisor& supervisor, Client& client, const PolicySocket& socket,
                const AddressArgument& address) {
  if (!supervisor.workers().step_aside()) return Outcome::error(EAGAIN);
  BlockingCall blocking(supervisor.blocked(), client);
  if (::connect(socket.fd(), address.raw(), static_cast<socklen_t>(address.length)) == 0)
    return Outcome::returns(0);
  const int error = errno;
  if (error != EINTR || !blocking.interrupted()) return Outcome::error(error);
  return Outcome::error(has_send_timeout(socket.fd()) ? EINTR : kRestartSyscall);
}

// Which hook looks at this connect; 0 for none. As Linux's pre_connect of each protocol.
uint32_t hook_for(const PolicySocket& socket, const AddressArgument& address) {
  const net::Sock& sock = socket.sock;
  if (address.value.family == AF_UNSPEC || sock.type == SOCK_RAW) return 0;
  if (sock.type == SOCK_STREAM && sock.state != kTcpClose) return 0;  // EISCONN, EALREADY come first
  if (sock.family == AF_INET) return abi::BPF_CGROUP_INET4_CONNECT;
  if (sock.type == SOCK_DGRAM && address.value.family == AF_INET) return abi::BPF_CGROUP_INET4_CONNECT;
  return abi::BPF_CGROUP_INET6_CONNECT;
}

// A stream socket that is not closed ignores the address, and no hook looks at it. Another thread may close
// it (by AF_UNSPEC) before our call gets there: so the client's address, which nobody judged, is not used.
bool ignores_address(const net::Sock& sock, const AddressArgument& address) {
  return sock.type == SOCK_STREAM && sock.state != kTcpClose && address.value.family != AF_UNSPEC;
}

AddressArgument nowhere(const net::Sock& sock, int length) {
  AddressArgument address;
  address.value = {};
  address.value.family = sock.family;
  address.length = length;
  return address;
}

}  // namespace

Outcome handle_connect(Supervisor& supervisor, Client& client) {
  if (!hook_wanted(supervisor, {abi::BPF_CGROUP_INET4_CONNECT, abi::BPF_CGROUP_INET6_CONNECT}))
    return Outcome::proceed();
  auto socket = PolicySocket::open(supervisor, client, client.fd_arg(0));
  if (!socket) return Outcome::error(socket.error().code);
  if (!socket->is_inet()) return Outcome::proceed();
  auto address = read_address(client, client.arg(1), static_cast<int>(client.arg(2)));
  if (!address) return Outcome::error(address.error().code);

  const uint32_t attach_type = hook_for(*socket, *address);
  const int shortest = attach_type == abi::BPF_CGROUP_INET4_CONNECT ? static_cast<int>(sizeof(sockaddr_in))
                                                                    : shortest_address(socket->sock);
  if (attach_type != 0 && address->length >= shortest && socket->has_programs(attach_type)) {
    ClientEnvironment environment(supervisor, client);
    const auto verdict = attach::run_sock_addr(socket->cgroup(), attach_type, socket->sock, &address->value,
                                               static_cast<uint32_t>(address->length), nullptr, environment);
    if (verdict.retval != 0) return Outcome::error(-verdict.retval);
  }
  if (ignores_address(socket->sock, *address)) address = nowhere(socket->sock, address->length);
  return perform(supervisor, client, *socket, *address);
}

}  // namespace skep::supervisor
