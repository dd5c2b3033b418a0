// setsockopt and getsockopt: the sockopt hooks see, change and may take over the value of an option.
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

#include "abi/bpf.h"
#include "attach/cgroup/run.h"
#include "supervisor/handlers.h"
#include "supervisor/sockets/policy_socket.h"
#include "supervisor/sockets/rights.h"

namespace skep::supervisor {

namespace {

constexpr int kLongestValue = 1 << 20;

// Options whose value names memory or fds of the caller: only the client itself can make the call. Level and
// name are in registers, and what a pointer leads to is nothing that a program judged.
struct CallerBound {
  int level, name;
};
constexpr CallerBound kCallerBound[] = {
    {SOL_SOCKET, SO_ATTACH_FILTER},
    {SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF},
    {SOL_SOCKET, SO_ATTACH_BPF},
    {SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF},
    {SOL_SOCKET, 77 /* SO_PEERPIDFD */},
    {IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE},
    {SOL_IP, 64 /* IPT_SO_SET_REPLACE */},
    {SOL_IP, 65 /* IPT_SO_SET_ADD_COUNTERS */},
    {SOL_IPV6, 64},
    {SOL_IPV6, 65},
    {SOL_PACKET, 22 /* PACKET_FANOUT_DATA */},
};

bool is_caller_bound(int level, int name) {
  return level == 283 /* SOL_XDP */ || std::ranges::any_of(kCallerBound, [&](const CallerBound& row) {
           return row.level == level && row.name == name;
         });
}

Outcome perform_set(Client& client, const PolicySocket& socket, int level, int name,
                    const std::vector<uint8_t>& value, int length) {
  ClientRights rights(client);
  return outcome_of_syscall(
      ::setsockopt(socket.fd(), level, name, value.data(), static_cast<socklen_t>(length)));
}

Status write_value(Client& client, std::span<const uint8_t> value, int length) {
  SKEP_TRY(client.write(client.arg(3), std::as_bytes(value)));
  return client.write_object(client.arg(4), length);
}

}  // namespace

Outcome handle_setsockopt(Supervisor& supervisor, Client& client) {
  if (!hook_wanted(supervisor, {abi::BPF_CGROUP_SETSOCKOPT})) return Outcome::proceed();
  auto socket = PolicySocket::open(supervisor, client, client.fd_arg(0));
  if (!socket) return Outcome::error(socket.error().code);
  attach::SetsockoptCall call;
  call.level = static_cast<int>(client.arg(1));
  call.optname = static_cast<int>(client.arg(2));
  call.optlen = static_cast<int>(client.arg(4));
  if (call.optlen < 0) return Outcome::error(EINVAL);
  if (call.optlen > kLongestValue) return Outcome::error(ENOBUFS);
  call.value.resize(static_cast<size_t>(call.optlen));
  if (!client.read(client.arg(3), std::as_writable_bytes(std::span(call.value))))
    return Outcome::error(EFAULT);

  const bool caller_bound = is_caller_bound(call.level, call.optname);
  if (!socket->has_programs(abi::BPF_CGROUP_SETSOCKOPT))
    return caller_bound ? Outcome::proceed()
                        : perform_set(client, *socket, call.level, call.optname, call.value, call.optlen);
  ClientEnvironment environment(supervisor, client);
  const auto verdict = attach::run_setsockopt(socket->cgroup(), socket->sock, call, environment);
  if (verdict.retval != 0) return Outcome::error(-verdict.retval);
  if (verdict.bypass) return Outcome::returns(0);
  const bool same_option = verdict.call.level == call.level && verdict.call.optname == call.optname;
  if (!verdict.use_original && is_caller_bound(verdict.call.level, verdict.call.optname))
    return Outcome::error(EINVAL);
  if (verdict.use_original) {
    if (caller_bound) return same_option ? Outcome::proceed() : Outcome::error(EINVAL);
    return perform_set(client, *socket, verdict.call.level, verdict.call.optname, call.value, call.optlen);
  }
  return perform_set(client, *socket, verdict.call.level, verdict.call.optname, verdict.call.value,
                     verdict.call.optlen);
}

Outcome handle_getsockopt(Supervisor& supervisor, Client& client) {
  if (!hook_wanted(supervisor, {abi::BPF_CGROUP_GETSOCKOPT})) return Outcome::proceed();
  auto socket = PolicySocket::open(supervisor, client, client.fd_arg(0));
  if (!socket) return Outcome::error(socket.error().code);
  attach::GetsockoptCall call;
  call.level = static_cast<int>(client.arg(1));
  call.optname = static_cast<int>(client.arg(2));
  if (is_caller_bound(call.level, call.optname)) return Outcome::proceed();
  const auto room = client.read_object<int>(client.arg(4));
  if (!room) return Outcome::error(EFAULT);
  if (*room < 0) return Outcome::error(EINVAL);
  call.max_optlen = *room;
  call.has_buffer = client.arg(3) != 0;

  call.value.resize(static_cast<size_t>(std::min(*room, kLongestValue)));
  auto length = static_cast<socklen_t>(call.value.size());
  {
    ClientRights rights(client);
    if (::getsockopt(socket->fd(), call.level, call.optname, call.value.data(), &length) != 0)
      call.retval = -errno;
  }
  // Some options answer a length greater than what they wrote.
  call.value.resize(call.retval == 0 ? std::min<size_t>(length, call.value.size()) : 0);
  // As on Linux the client has the kernel's answer before the programs run, also when they refuse it then.
  if (call.retval == 0 && !write_value(client, call.value, static_cast<int>(call.value.size()))) {
    call.retval = -EFAULT;
    call.value.clear();
  }
  if (!socket->has_programs(abi::BPF_CGROUP_GETSOCKOPT))
    return call.retval == 0 ? Outcome::returns(0) : Outcome::error(-call.retval);
  ClientEnvironment environment(supervisor, client);
  const auto verdict = attach::run_getsockopt(socket->cgroup(), socket->sock, call, environment);
  if (verdict.retval < 0) return Outcome::error(-verdict.retval);
  if (verdict.rewrite && !write_value(client, verdict.value, verdict.optlen)) return Outcome::error(EFAULT);
  return Outcome::returns(verdict.retval);
}

}  // namespace skep::supervisor
