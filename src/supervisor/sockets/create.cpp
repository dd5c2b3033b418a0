// socket(2): the sock_create hook. All arguments are in registers, so the client may go on once the programs
// agree.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/bpf.h"
#include "attach/cgroup/run.h"
#include "supervisor/handlers.h"
#include "supervisor/sockets/policy_socket.h"
#include "supervisor/sockets/rights.h"

namespace skep::supervisor {

namespace {

constexpr int kTypeFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;

net::Sock describe_new(Client& client, int domain, int type, int protocol) {
  net::Sock sock;
  sock.family = static_cast<uint16_t>(domain);
  sock.type = static_cast<uint16_t>(type & ~kTypeFlags);
  sock.protocol = static_cast<uint16_t>(protocol);
  if (protocol == 0 && sock.type == SOCK_STREAM) sock.protocol = IPPROTO_TCP;
  if (protocol == 0 && sock.type == SOCK_DGRAM) sock.protocol = IPPROTO_UDP;
  sock.state = 7;  // TCP_CLOSE
  if (const auto task = client.task()) sock.uid = task->uid;
  return sock;
}

// Programs may set these three on the new socket.
bool was_changed(const net::Sock& sock) {
  return sock.mark != 0 || sock.priority != 0 || sock.bound_dev_if != 0;
}

// A socket is of the network that its maker is in, and we can make them in ours only.
bool same_network(Client& client) {
  struct stat ours, theirs;
  return ::stat("/proc/self/ns/net", &ours) == 0 && ::stat(client.proc("ns/net").c_str(), &theirs) == 0 &&
         ours.st_ino == theirs.st_ino;
}

Result<UniqueFd> make_socket(Client& client) {
  ClientRights rights(client);
  UniqueFd fd(::socket(static_cast<int>(client.arg(0)), static_cast<int>(client.arg(1)) | SOCK_CLOEXEC,
                       static_cast<int>(client.arg(2))));
  if (!fd) return fail_last();
  return fd;
}

// Programs have the kernel's rights, not the client's; where we lack them the default stays.
void apply_changes(int fd, const net::Sock& sock) {
  if (sock.mark != 0) ::setsockopt(fd, SOL_SOCKET, SO_MARK, &sock.mark, sizeof sock.mark);
  if (sock.priority != 0) ::setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &sock.priority, sizeof sock.priority);
  if (sock.bound_dev_if != 0)
    ::setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &sock.bound_dev_if, sizeof sock.bound_dev_if);
}

}  // namespace

Outcome handle_socket(Supervisor& supervisor, Client& client) {
  // A move that was asked for before counts before the socket is made: a socket stays with its first cgroup.
  supervisor.broker().process_events();
  supervisor.files().settle();
  if (!hook_wanted(supervisor, {abi::BPF_CGROUP_INET_SOCK_CREATE})) return Outcome::proceed();
  ClientEnvironment environment(supervisor, client);
  net::Sock sock = describe_new(client, client.fd_arg(0), static_cast<int>(client.arg(1)),
                                static_cast<int>(client.arg(2)));
  const attach::Cgroup& cgroup = *environment.cgroup();
  sock.cgroup_id = cgroup.id();
  // As on Linux no program runs for a socket that cannot be had.
  UniqueFd fd;
  if (same_network(client)) {
    auto made = make_socket(client);
    if (!made) return Outcome::error(made.error().code);
    fd = *std::move(made);
  }
  const int verdict = attach::run_sock(cgroup, abi::BPF_CGROUP_INET_SOCK_CREATE, sock, environment);
  if (verdict != 0) return Outcome::error(-verdict);
  if (!was_changed(sock) || !fd) return Outcome::proceed();
  apply_changes(fd.get(), sock);
  return Outcome::descriptor(std::move(fd), (client.arg(1) & SOCK_CLOEXEC) != 0);
}

}  // namespace skep::supervisor
