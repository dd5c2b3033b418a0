// sendto, sendmsg, sendmmsg: the sendmsg4/6 hooks judge and rewrite where an unconnected UDP message goes.
// While a hook is attached every message of a UDP socket is sent from here, so that none changes after it was
// judged.
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "abi/bpf.h"
#include "attach/cgroup/run.h"
#include "supervisor/handlers.h"
#include "supervisor/sockets/messages.h"
#include "supervisor/sockets/rights.h"

namespace skep::supervisor {

using progtypes::SockaddrStorage;

namespace {

constexpr unsigned kMostMessages = 1024;  // of one sendmmsg
constexpr int kNotSupported = 524;  // the kernel's ENOTSUPP: an IPv6 program made the address an IPv4 one

// One message, wholly on our side.
struct Message {
  std::vector<std::byte> data, control;
  AddressArgument address;
  bool has_address = false;
  int flags = 0;
};

// Set by a program: becomes a control message, in place of what the client may have asked for.
template <class Info>
void add_source(Message& message, int level, int type, const Info& info) {
  std::vector<std::byte> control(CMSG_SPACE(sizeof info));
  auto* header = reinterpret_cast<cmsghdr*>(control.data());
  header->cmsg_len = CMSG_LEN(sizeof info);
  header->cmsg_level = level;
  header->cmsg_type = type;
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
  message.control.insert(message.control.end(), control.begin(), control.end());
}

void set_source_address(Message& message, bool inet4, const uint32_t (&source)[4]) {
  if (inet4) {
    in_pktinfo info{};
    info.ipi_spec_dst.s_addr = source[0];
    add_source(message, SOL_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, source, sizeof source);
    add_source(message, SOL_IPV6, IPV6_PKTINFO, info);
  }
}

bool is_mapped(const SockaddrStorage& address) {
  return address.family == AF_INET6 && address.ip6[0] == 0 && address.ip6[1] == 0 &&
         address.ip6[2] == htonl(0xffff);
}

// As Linux's udpv6_sendmsg: a message to an IPv4-mapped address goes the way of IPv4, hooks included.
void unmap(AddressArgument& address) {
  if (!is_mapped(address.value)) return;
  const uint32_t ip4 = address.value.ip6[3];
  const uint16_t port = address.value.port;
  address.value = {};
  address.value.family = AF_INET;
  address.value.port = port;
  address.value.ip4 = ip4;
  address.length = sizeof(sockaddr_in);
}

bool is_v6_only(const PolicySocket& socket) {
  int value = 0;
  socklen_t length = sizeof value;
  return ::getsockopt(socket.fd(), SOL_IPV6, IPV6_V6ONLY, &value, &length) == 0 && value != 0;
}

// 0 or -errno.
int judge(Supervisor& supervisor, Client& client, PolicySocket& socket, Message& message) {
  if (!message.has_address || message.address.length < static_cast<int>(sizeof(sockaddr_in))) return 0;
  if (socket.sock.family == AF_INET6 && message.address.length >= shortest_address(socket.sock))
    unmap(message.address);
  const bool inet4 = socket.sock.family == AF_INET || message.address.value.family == AF_INET;
  if (inet4 && socket.sock.family == AF_INET6 && is_v6_only(socket)) return 0;  // ENETUNREACH before any hook
  const uint32_t attach_type = inet4 ? abi::BPF_CGROUP_UDP4_SENDMSG : abi::BPF_CGROUP_UDP6_SENDMSG;
  if (!inet4 && message.address.length < shortest_address(socket.sock)) return 0;
  if (!socket.has_programs(attach_type)) return 0;
  ClientEnvironment environment(supervisor, client);
  uint32_t source[4] = {};
  if (socket.sock.family == AF_INET)
    source[0] = socket.sock.src_ip4;
  else if (!inet4)
    std::ranges::copy(socket.sock.src_ip6, source);
  uint32_t before[4];
  std::ranges::copy(source, before);
  const auto verdict =
      attach::run_sock_addr(socket.cgroup(), attach_type, socket.sock, &message.address.value,
                            static_cast<uint32_t>(message.address.length), source, environment);
  if (verdict.retval != 0) return verdict.retval;
  if (!inet4 && is_mapped(message.address.value)) return -kNotSupported;
  if (!std::ranges::equal(source, before)) set_source_address(message, inet4, source);
  return 0;
}

Result<int64_t> send(Supervisor& supervisor, Client& client, PolicySocket& socket, Message& message) {
  if (const int verdict = judge(supervisor, client, socket, message); verdict != 0) return fail(-verdict);
  iovec vector{message.data.data(), message.data.size()};
  msghdr header{};
  if (message.has_address) header.msg_name = &message.address.value;
  header.msg_namelen = message.has_address ? static_cast<socklen_t>(message.address.length) : 0;
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = message.control.empty() ? nullptr : message.control.data();
  header.msg_controllen = message.control.size();
  ClientRights rights(client);
  if (!supervisor.workers().step_aside()) return fail(EAGAIN);
  BlockingCall blocking(supervisor.blocked(), client);
  const ssize_t count = ::sendmsg(socket.fd(), &header, message.flags | MSG_NOSIGNAL);
  if (count < 0) return fail(errno == EINTR && blocking.interrupted() ? kRestartSyscall : errno);
  return count;
}

Result<Message> read_message(Client& client, uint64_t address, int flags) {
  const auto header = SKEP_TRY(client.read_object<ClientMessage>(address));
  Message message;
  message.flags = flags;
  const ClientVectors vectors = SKEP_TRY(read_vectors(client, header.vectors, header.vector_count));
  if (vectors.total > kLongestDatagram) return fail(EMSGSIZE);
  message.data = SKEP_TRY(gather(client, vectors, kLongestDatagram));
  if (header.control_length > kLongestControl) return fail(ENOBUFS);
  message.control.resize(header.control_length);
  SKEP_TRY(client.read(header.control, message.control));
  if (header.name_length < 0) return fail(EINVAL);
  if (header.name != 0 && header.name_length > 0) {
    message.address = SKEP_TRY(read_address(client, header.name, std::min(header.name_length, 128)));
    message.has_address = true;
  }
  return message;
}

bool wanted(Supervisor& supervisor) {
  return hook_wanted(supervisor, {abi::BPF_CGROUP_UDP4_SENDMSG, abi::BPF_CGROUP_UDP6_SENDMSG});
}

// TCP Fast Open connects by sending. While a connect is judged it answers as where it is switched off, and
// callers connect. The flag is a register's, whatever the socket: on any other kind it means nothing.
bool connects_unjudged(Supervisor& supervisor, int flags) {
  return (flags & MSG_FASTOPEN) != 0 &&
         hook_wanted(supervisor, {abi::BPF_CGROUP_INET4_CONNECT, abi::BPF_CGROUP_INET6_CONNECT});
}

// The socket when this call is one to perform here; otherwise what to answer.
Result<PolicySocket> open_udp(Supervisor& supervisor, Client& client, Outcome& otherwise) {
  auto socket = PolicySocket::open(supervisor, client, client.fd_arg(0));
  if (!socket) {
    otherwise = Outcome::error(socket.error().code);
    return fail(socket.error().code);
  }
  if (!socket->is_udp()) {
    otherwise = Outcome::proceed();
    return fail(EPROTOTYPE);
  }
  return socket;
}

}  // namespace

Outcome handle_sendto(Supervisor& supervisor, Client& client) {
  if (connects_unjudged(supervisor, static_cast<int>(client.arg(3)))) return Outcome::error(EOPNOTSUPP);
  if (!wanted(supervisor)) return Outcome::proceed();
  Outcome otherwise;
  auto socket = open_udp(supervisor, client, otherwise);
  if (!socket) return otherwise;
  if (client.arg(2) > kLongestDatagram) return Outcome::error(EMSGSIZE);
  Message message;
  message.flags = static_cast<int>(client.arg(3));
  message.data.resize(client.arg(2));
  if (!client.read(client.arg(1), message.data)) return Outcome::error(EFAULT);
  auto address = read_address(client, client.arg(4), static_cast<int>(client.arg(5)));
  if (!address) return Outcome::error(address.error().code);
  message.address = *address;
  message.has_address = true;
  return Outcome::of(send(supervisor, client, *socket, message));
}

Outcome handle_sendmsg(Supervisor& supervisor, Client& client) {
  if (connects_unjudged(supervisor, static_cast<int>(client.arg(2)))) return Outcome::error(EOPNOTSUPP);
  if (!wanted(supervisor)) return Outcome::proceed();
  Outcome otherwise;
  auto socket = open_udp(supervisor, client, otherwise);
  if (!socket) return otherwise;
  auto message = read_message(client, client.arg(1), static_cast<int>(client.arg(2)));
  if (!message) return Outcome::error(message.error().code);
  return Outcome::of(send(supervisor, client, *socket, *message));
}

Outcome handle_sendmmsg(Supervisor& supervisor, Client& client) {
  if (connects_unjudged(supervisor, static_cast<int>(client.arg(3)))) return Outcome::error(EOPNOTSUPP);
  if (!wanted(supervisor)) return Outcome::proceed();
  Outcome otherwise;
  auto socket = open_udp(supervisor, client, otherwise);
  if (!socket) return otherwise;
  constexpr uint64_t kEntry = sizeof(ClientMessage) + 8;  // struct mmsghdr
  const unsigned count = std::min(static_cast<unsigned>(client.arg(2)), kMostMessages);
  for (unsigned sent = 0; sent < count; ++sent) {
    const uint64_t entry = client.arg(1) + sent * kEntry;
    auto message = read_message(client, entry, static_cast<int>(client.arg(3)));
    Result<int64_t> result = message ? send(supervisor, client, *socket, *message)
                                     : Result<int64_t>(std::unexpected(message.error()));
    if (result && !client.write_object(entry + sizeof(ClientMessage), static_cast<uint32_t>(*result)))
      result = fail(EFAULT);
    // An error counts only when nothing was sent before it.
    if (!result) return sent > 0 ? Outcome::returns(sent) : Outcome::error(result.error().code);
  }
  return Outcome::returns(count);
}

}  // namespace skep::supervisor
