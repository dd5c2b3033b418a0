// bind(2): bind4/6 may refuse or rewrite the address, post_bind4/6 judge what the socket would be bound to.
//
// Linux runs post_bind on the bound socket and unbinds it after a refusal. A bound socket cannot be unbound
// from outside, so the programs run first, on the address and port that the bind will get: for port 0 a
// free one is chosen beforehand. On a refusal a bind of a second socket tells whether Linux would
// have failed earlier for another reason (EADDRINUSE, EACCES, ...).
#include <linux/capability.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "abi/bpf.h"
#include "attach/cgroup/run.h"
#include "supervisor/handlers.h"
#include "supervisor/sockets/policy_socket.h"
#include "supervisor/sockets/rights.h"

namespace skep::supervisor {

using progtypes::SockaddrStorage;

namespace {

constexpr int kPortAttempts = 16;

Outcome perform(Client& client, const PolicySocket& socket, const AddressArgument& address,
                uint64_t granted) {
  ClientRights rights(client, granted);
  return outcome_of_syscall(::bind(socket.fd(), address.raw(), static_cast<socklen_t>(address.length)));
}

void copy_option(int from, int to, int level, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  if (::getsockopt(from, level, name, &value, &length) == 0) ::setsockopt(to, level, name, &value, length);
}

// A socket like the client's, bound to the address. Its lifetime is that of the trial.
Result<UniqueFd> trial(Client& client, const PolicySocket& socket, const AddressArgument& address,
                       uint64_t granted) {
  UniqueFd fd(::socket(socket.sock.family, socket.sock.type | SOCK_CLOEXEC, socket.sock.protocol));
  if (!fd) return fail_last();
  copy_option(socket.fd(), fd.get(), SOL_SOCKET, SO_REUSEADDR);
  copy_option(socket.fd(), fd.get(), SOL_SOCKET, SO_REUSEPORT);
  copy_option(socket.fd(), fd.get(), SOL_IP, IP_FREEBIND);
  if (socket.sock.family == AF_INET6) copy_option(socket.fd(), fd.get(), SOL_IPV6, IPV6_V6ONLY);
  ClientRights rights(client, granted);
  if (::bind(fd.get(), address.raw(), static_cast<socklen_t>(address.length)) != 0) return fail_last();
  return fd;
}

Result<uint16_t> free_port(Client& client, const PolicySocket& socket, const AddressArgument& address) {
  const UniqueFd fd = SKEP_TRY(trial(client, socket, address, 0));
  SockaddrStorage bound;
  socklen_t length = sizeof bound;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &length) != 0) return fail_last();
  return bound.port;
}

bool gets_no_port(const PolicySocket& socket) {
  int value = 0;
  socklen_t length = sizeof value;
  return ::getsockopt(socket.fd(), SOL_IP, IP_BIND_ADDRESS_NO_PORT, &value, &length) == 0 && value != 0;
}

// What Linux answers when the socket has a port already. The client's own socket is not tried: another thread
// may take its port away (by AF_UNSPEC) in this moment, and the bind would succeed without a judgement.
Outcome refuse_second_bind(Client& client, const PolicySocket& socket, const AddressArgument& address,
                           uint64_t granted) {
  const auto possible = trial(client, socket, address, granted);
  return Outcome::error(possible || possible.error().code == EADDRINUSE ? EINVAL : possible.error().code);
}

Outcome bind_after_judgement(Client& client, PolicySocket& socket, AddressArgument address,
                             uint32_t attach_type, uint64_t granted, ClientEnvironment& environment) {
  const bool any_port = address.value.port == 0;
  if (any_port && gets_no_port(socket)) return perform(client, socket, address, granted);
  for (int attempt = 1;; ++attempt) {
    if (any_port) {
      const auto port = free_port(client, socket, address);
      if (!port) return Outcome::error(port.error().code);
      address.value.port = *port;
    }
    set_source(socket.sock, address.value);
    const int verdict = attach::run_sock(socket.cgroup(), attach_type, socket.sock, environment);
    if (verdict != 0) {
      const auto possible = trial(client, socket, address, granted);
      return Outcome::error(possible ? -verdict : possible.error().code);
    }
    Outcome outcome = perform(client, socket, address, granted);
    const bool taken = outcome.kind == Outcome::Kind::kError && outcome.value == EADDRINUSE;
    if (!any_port || !taken || attempt == kPortAttempts) return outcome;
    address.value.port = 0;
  }
}

}  // namespace

Outcome handle_bind(Supervisor& supervisor, Client& client) {
  if (!hook_wanted(supervisor, {abi::BPF_CGROUP_INET4_BIND, abi::BPF_CGROUP_INET6_BIND,
                                abi::BPF_CGROUP_INET4_POST_BIND, abi::BPF_CGROUP_INET6_POST_BIND}))
    return Outcome::proceed();
  auto socket = PolicySocket::open(supervisor, client, client.fd_arg(0));
  if (!socket) return Outcome::error(socket.error().code);
  if (!socket->is_inet()) return Outcome::proceed();
  auto address = read_address(client, client.arg(1), static_cast<int>(client.arg(2)));
  if (!address) return Outcome::error(address.error().code);
  // Raw sockets have a bind of their own, without hooks.
  const bool bound = socket->sock.src_port != 0;
  if (socket->sock.type == SOCK_RAW || address->length < shortest_address(socket->sock))
    return perform(client, *socket, *address, 0);

  ClientEnvironment environment(supervisor, client);
  uint64_t granted = 0;
  const uint32_t bind_type = socket->pick(abi::BPF_CGROUP_INET4_BIND, abi::BPF_CGROUP_INET6_BIND);
  if (socket->has_programs(bind_type)) {
    const auto verdict = attach::run_sock_addr(socket->cgroup(), bind_type, socket->sock, &address->value,
                                               static_cast<uint32_t>(address->length), nullptr, environment);
    if (verdict.retval != 0) return Outcome::error(-verdict.retval);
    if (verdict.no_cap_net_bind_service) granted = uint64_t{1} << CAP_NET_BIND_SERVICE;
  }
  const uint32_t post_type = socket->pick(abi::BPF_CGROUP_INET4_POST_BIND, abi::BPF_CGROUP_INET6_POST_BIND);
  if (!socket->has_programs(post_type)) return perform(client, *socket, *address, granted);
  if (bound) return refuse_second_bind(client, *socket, *address, granted);
  return bind_after_judgement(client, *socket, *address, post_type, granted, environment);
}

}  // namespace skep::supervisor
