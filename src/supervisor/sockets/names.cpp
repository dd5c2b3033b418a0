// getsockname(2) and getpeername(2): the hooks may rewrite the address that the client sees.
#include <sys/socket.h>
#include <sys/syscall.h>

#include "abi/bpf.h"
#include "attach/cgroup/run.h"
#include "supervisor/handlers.h"
#include "supervisor/sockets/policy_socket.h"

namespace skep::supervisor {

Outcome handle_socket_name(Supervisor& supervisor, Client& client) {
  const bool peer = client.nr() == SYS_getpeername;
  const uint32_t inet4 = peer ? abi::BPF_CGROUP_INET4_GETPEERNAME : abi::BPF_CGROUP_INET4_GETSOCKNAME;
  const uint32_t inet6 = peer ? abi::BPF_CGROUP_INET6_GETPEERNAME : abi::BPF_CGROUP_INET6_GETSOCKNAME;
  if (!hook_wanted(supervisor, {inet4, inet6})) return Outcome::proceed();
  auto socket = PolicySocket::open(supervisor, client, client.fd_arg(0));
  if (!socket) return Outcome::error(socket.error().code);
  if (!socket->is_inet()) return Outcome::proceed();

  AddressArgument result;
  socklen_t length = sizeof result.value;
  auto* raw = reinterpret_cast<sockaddr*>(&result.value);
  const int error =
      peer ? ::getpeername(socket->fd(), raw, &length) : ::getsockname(socket->fd(), raw, &length);
  if (error != 0) return Outcome::error(errno);
  result.length = static_cast<int>(length);

  const uint32_t attach_type = socket->pick(inet4, inet6);
  if (socket->has_programs(attach_type)) {
    ClientEnvironment environment(supervisor, client);
    const auto verdict = attach::run_sock_addr(socket->cgroup(), attach_type, socket->sock, &result.value,
                                               length, nullptr, environment);
    if (verdict.retval != 0) return Outcome::error(-verdict.retval);
  }
  return Outcome::of(write_address(client, client.arg(1), client.arg(2), result));
}

}  // namespace skep::supervisor
