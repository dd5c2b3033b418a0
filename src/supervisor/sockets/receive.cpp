// recvfrom, recvmsg, recvmmsg: the recvmsg4/6 hooks may rewrite the source address that a UDP receiver sees.
// The hook cannot refuse a message.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "abi/bpf.h"
#include "attach/cgroup/run.h"
#include "supervisor/handlers.h"
#include "supervisor/sockets/messages.h"

namespace skep::supervisor {

namespace {

constexpr unsigned kMostMessages = 1024;  // of one recvmmsg

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
  if (!supervisor.workers().step_aside()) return fail(EAGAIN);
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
  Received received =
      SKEP_TRY(receive(supervisor, client, socket, client.arg(2), 0, static_cast<int>(client.arg(3))));
  rewrite_source(supervisor, client, socket, received.address);
  SKEP_TRY(client.write(client.arg(1), received.data));
  SKEP_TRY(write_address(client, client.arg(4), client.arg(5), received.address));
  return received.count;
}

Result<int64_t> receive_one(Supervisor& supervisor, Client& client, PolicySocket& socket, uint64_t at,
                            int flags) {
  ClientMessage header = SKEP_TRY(client.read_object<ClientMessage>(at));
  const ClientVectors vectors = SKEP_TRY(read_vectors(client, header.vectors, header.vector_count));
  Received received =
      SKEP_TRY(receive(supervisor, client, socket, vectors.total, header.control_length, flags));
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
  SKEP_TRY(client.write_object(at, header));
  return received.count;
}

Result<int64_t> receive_message(Supervisor& supervisor, Client& client, PolicySocket& socket) {
  return receive_one(supervisor, client, socket, client.arg(1), static_cast<int>(client.arg(2)));
}

// The time limit of recvmmsg: looked at after each message only, as on Linux.
class TimeLimit {
 public:
  using Clock = std::chrono::steady_clock;

  static Result<TimeLimit> read(Client& client, uint64_t at) {
    TimeLimit limit(at);
    if (at == 0) return limit;
    const auto given = SKEP_TRY(client.read_object<timespec>(at));
    if (given.tv_sec < 0 || given.tv_nsec < 0 || given.tv_nsec >= 1'000'000'000) return fail(EINVAL);
    constexpr int64_t kYear = 365 * 24 * 3600;
    limit.end_ = Clock::now() + std::chrono::seconds(std::min<int64_t>(given.tv_sec, kYear)) +
                 std::chrono::nanoseconds(given.tv_nsec);
    return limit;
  }
  bool over() const { return at_ != 0 && Clock::now() >= end_; }
  Status write_rest(Client& client) const {
    if (at_ == 0) return {};
    const auto rest = std::max(end_ - Clock::now(), Clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(rest);
    return client.write_object(at_, timespec{seconds.count(), (rest - seconds).count()});
  }

 private:
  explicit TimeLimit(uint64_t at) : at_(at) {}

  uint64_t at_;
  Clock::time_point end_;
};

Result<int64_t> receive_messages(Supervisor& supervisor, Client& client, PolicySocket& socket) {
  constexpr uint64_t kEntry = sizeof(ClientMessage) + 8;  // struct mmsghdr
  const TimeLimit limit = SKEP_TRY(TimeLimit::read(client, client.arg(4)));
  const auto count = std::min(static_cast<unsigned>(client.arg(2)), kMostMessages);
  int flags = static_cast<int>(client.arg(3));
  const bool waits_for_one = (flags & MSG_WAITFORONE) != 0;
  flags &= ~MSG_WAITFORONE;
  unsigned done = 0;
  while (done < count && (done == 0 || !limit.over())) {
    const uint64_t entry = client.arg(1) + done * kEntry;
    auto size = receive_one(supervisor, client, socket, entry, flags);
    if (size && !client.write_object(entry + sizeof(ClientMessage), static_cast<uint32_t>(*size)))
      size = fail(EFAULT);
    // An error counts only when nothing was received before it.
    if (!size && done == 0) return size;
    if (!size) break;
    ++done;
    if (waits_for_one) flags |= MSG_DONTWAIT;
  }
  SKEP_TRY(limit.write_rest(client));
  return done;
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

Outcome handle_recvfrom(Supervisor& supervisor, Client& client) {
  return handle(supervisor, client, receive_from);
}
Outcome handle_recvmsg(Supervisor& supervisor, Client& client) {
  return handle(supervisor, client, receive_message);
}
Outcome handle_recvmmsg(Supervisor& supervisor, Client& client) {
  return handle(supervisor, client, receive_messages);
}

}  // namespace skep::supervisor
