// recvfrom, recvmsg: the recvmsg4/6 hooks may rewrite the source address that a UDP receiver sees. The hook cannot
// refuse a message; recvmmsg is left to the kernel, which shows the true source.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>

#include "abi/bpf.h"
#include "attach/cgroup/run.h"
#include "supervisor/handlers.h"
#include "supervisor/sockets/messages.h"

namespace skep::supervisor {

namespace {

struct Received {
  std::vector<std::byte> data, control;
  AddressArgument address;
  int64_t count = 0;  // as the kernel returned it: the whole length with MSG_TRUNC
  int flags = 0;
};

// Milliseconds, -1 for ever.
int receive_timeout(int fd) {
  timeval timeout{};
  socklen_t length = sizeof timeout;
  if (::getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &length) != 0) return -1;
  if (timeout.tv_sec == 0 && timeout.tv_usec == 0) return -1;
  return static_cast<int>(std::min<int64_t>(timeout.tv_sec * 1000 + timeout.tv_usec / 1000, INT32_MAX));
}

// Waits for data where the client would. EAGAIN: the socket's time is over.
Status wait_for_data(Supervisor& supervisor, Client& client, const PolicySocket& socket) {
  supervisor.workers().step_aside();
  BlockingCall blocking(supervisor.blocked(), client);
  pollfd poll_fd{socket.fd(), POLLIN, 0};
  const int timeout = receive_timeout(socket.fd());
  const int ready = ::poll(&poll_fd, 1, timeout);
  if (ready > 0) return {};
  if (ready == 0) return fail(EAGAIN);
  return fail(blocking.interrupted() && timeout < 0 ? kRestartSyscall : EINTR);
}

Result<Received> receive(Supervisor& supervisor, Client& client, const PolicySocket& socket, size_t size,
                         size_t control_size, int flags) {
  Received received;
  received.data.resize(std::min(size, kLongestDatagram));
  received.control.resize(std::min(control_size, kLongestControl));
  const bool waits = socket.blocks() && !(flags & (MSG_DONTWAIT | MSG_ERRQUEUE));
  while (true) {
    iovec vector{received.data.data(), received.data.size()};
    msghdr header{};
    header.msg_name = &received.address.value;
    header.msg_namelen = sizeof received.address.value;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = received.control.empty() ? nullptr : received.control.data();
    header.msg_controllen = received.control.size();
    const ssize_t count = ::recvmsg(socket.fd(), &header, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count >= 0) {
      received.count = count;
      received.address.length = static_cast<int>(header.msg_namelen);
      received.control.resize(header.msg_controllen);
      received.data.resize(std::min<size_t>(static_cast<size_t>(count), received.data.size()));
      received.flags = header.msg_flags & ~MSG_CMSG_CLOEXEC;
      return received;
    }
    if (errno != EAGAIN || !waits) return fail_last();
    SKEP_TRY(wait_for_data(supervisor, client, socket));
  }
}

void rewrite_source(Supervisor& supervisor, Client& client, PolicySocket& socket, AddressArgument& address) {
  const uint32_t attach_type = socket.pick(abi::BPF_CGROUP_UDP4_RECVMSG, abi::BPF_CGROUP_UDP6_RECVMSG);
  if (address.length == 0 || !socket.has_programs(attach_type)) return;
  ClientEnvironment environment(supervisor, client);
  (void)attach::run_sock_addr(socket.cgroup(), attach_type, socket.sock, &address.value,
                              static_cast<uint32_t>(address.length), nullptr, environment);
}

bool wanted(Supervisor& supervisor) {
  return hook_wanted(supervisor, {abi::BPF_CGROUP_UDP4_RECVMSG, abi::BPF_CGROUP_UDP6_RECVMSG});
}

Result<int64_t> receive_from(Supervisor& supervisor, Client& client, PolicySocket& socket) {
  Received received = SKEP_TRY(
      receive(supervisor, client, socket, client.arg(2), 0, static_cast<int>(client.arg(3))));
  rewrite_source(supervisor, client, socket, received.address);
  SKEP_TRY(client.write(client.arg(1), received.data));
  SKEP_TRY(write_address(client, client.arg(4), client.arg(5), received.address));
  return received.count;
}

Result<int64_t> receive_message(Supervisor& supervisor, Client& client, PolicySocket& socket) {
  ClientMessage header = SKEP_TRY(client.read_object<ClientMessage>(client.arg(1)));
  const ClientVectors vectors = SKEP_TRY(read_vectors(client, header.vectors, header.vector_count));
  Received received = SKEP_TRY(receive(supervisor, client, socket, vectors.total, header.control_length,
                                       static_cast<int>(client.arg(2))));
  rewrite_source(supervisor, client, socket, received.address);
  SKEP_TRY(scatter(client, vectors, received.data));
  SKEP_TRY(client.write(header.control, received.control));
  if (header.name != 0) {
    const auto room = static_cast<size_t>(std::clamp(header.name_length, 0, received.address.length));
    SKEP_TRY(client.write(header.name, std::as_bytes(std::span(&received.address.value, 1)).first(room)));
    header.name_length = received.address.length;
  }
  header.control_length = received.control.size();
  header.flags = static_cast<uint32_t>(received.flags);
  SKEP_TRY(client.write_object(client.arg(1), header));
  return received.count;
}

template <class Perform>
Outcome handle(Supervisor& supervisor, Client& client, Perform perform) {
  if (!wanted(supervisor)) return Outcome::proceed();
  auto socket = PolicySocket::open(supervisor, client, client.fd_arg(0));
  if (!socket) return Outcome::error(socket.error().code);
  if (!socket->is_udp()) return Outcome::proceed();
  return Outcome::of(perform(supervisor, client, *socket));
}

}  // namespace

Outcome handle_recvfrom(Supervisor& supervisor, Client& client) { return handle(supervisor, client, receive_from); }
Outcome handle_recvmsg(Supervisor& supervisor, Client& client) {
  return handle(supervisor, client, receive_message);
}

}  // namespace skep::supervisor
