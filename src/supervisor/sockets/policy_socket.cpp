#include "supervisor/sockets/policy_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "progtypes/prog_type.h"

namespace skep::supervisor {

using progtypes::SockaddrStorage;

namespace {

constexpr int kShortestInet6 = 24;  // without the scope id: what RFC 2133 had

int slot_of(uint32_t attach_type) {
  const progtypes::AttachTypeRow* row = progtypes::find_attach_type(attach_type);
  return row == nullptr ? -1 : row->cgroup_slot;
}

template <class T>
T option(int fd, int level, int name, T fallback) {
  T value{};
  socklen_t length = sizeof value;
  return ::getsockopt(fd, level, name, &value, &length) == 0 ? value : fallback;
}

// Every protocol tells its state by TCP's numbers.
constexpr uint8_t kEstablished = 1, kClose = 7, kListen = 10;

uint8_t state_of(int fd, uint16_t protocol) {
  if (protocol == IPPROTO_TCP)
    return option<tcp_info>(fd, IPPROTO_TCP, TCP_INFO, {.tcpi_state = kClose}).tcpi_state;
  if (option<int>(fd, SOL_SOCKET, SO_ACCEPTCONN, 0) != 0) return kListen;
  SockaddrStorage peer;
  socklen_t length = sizeof peer;
  return ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0 ? kEstablished : kClose;
}

}  // namespace

bool hook_wanted(Supervisor& supervisor, std::initializer_list<uint32_t> attach_types) {
  return std::ranges::any_of(attach_types, [&](uint32_t attach_type) {
    const int slot = slot_of(attach_type);
    return slot >= 0 && supervisor.cgroups().any(slot);
  });
}

Result<PolicySocket> PolicySocket::open(Supervisor& supervisor, Client& client, int fd) {
  // A link that was closed just before is gone; who has just written to cgroup.procs is a member now.
  supervisor.broker().process_events();
  supervisor.files().settle();
  PolicySocket socket;
  socket.fd_ = SKEP_TRY(client.duplicate_fd(fd));
  const FileIdentity identity = SKEP_TRY(identity_of(socket.fd()));
  socket.sock.family = static_cast<uint16_t>(option<int>(socket.fd(), SOL_SOCKET, SO_DOMAIN, -1));
  if (socket.sock.family == static_cast<uint16_t>(-1)) return fail(ENOTSOCK);
  socket.cgroup_ = supervisor.tasks().cgroup_of_socket(identity.inode, SKEP_TRY(client.tgid()));
  socket.describe();
  return socket;
}

void PolicySocket::describe() {
  struct stat status;
  if (::fstat(fd(), &status) == 0) sock.uid = status.st_uid;
  sock.type = static_cast<uint16_t>(option<int>(fd(), SOL_SOCKET, SO_TYPE, 0));
  sock.protocol = static_cast<uint16_t>(option<int>(fd(), SOL_SOCKET, SO_PROTOCOL, 0));
  sock.mark = option<uint32_t>(fd(), SOL_SOCKET, SO_MARK, 0);
  sock.priority = option<uint32_t>(fd(), SOL_SOCKET, SO_PRIORITY, 0);
  sock.bound_dev_if = option<int32_t>(fd(), SOL_SOCKET, SO_BINDTOIFINDEX, 0);
  sock.cookie = option<uint64_t>(fd(), SOL_SOCKET, SO_COOKIE, 0);
  sock.cgroup_id = cgroup_->id();
  sock.state = state_of(fd(), sock.protocol);
  if (!is_inet()) return;
  SockaddrStorage address;
  socklen_t length = sizeof address;
  if (::getsockname(fd(), reinterpret_cast<sockaddr*>(&address), &length) == 0) set_source(sock, address);
  length = sizeof address;
  if (::getpeername(fd(), reinterpret_cast<sockaddr*>(&address), &length) == 0)
    set_destination(sock, address);
}

bool PolicySocket::blocks() const { return (::fcntl(fd(), F_GETFL) & O_NONBLOCK) == 0; }

bool PolicySocket::has_programs(uint32_t attach_type) const {
  const int slot = slot_of(attach_type);
  return slot >= 0 && cgroup_->has_programs(slot);
}

Result<AddressArgument> read_address(Client& client, uint64_t address, int length) {
  if (length < 0 || length > static_cast<int>(sizeof(SockaddrStorage))) return fail(EINVAL);
  AddressArgument argument;
  argument.length = length;
  SKEP_TRY(client.read(address, std::as_writable_bytes(std::span(&argument.value, 1)).first(length)));
  return argument;
}

Status write_address(Client& client, uint64_t address, uint64_t length_at, const AddressArgument& result) {
  const int room = SKEP_TRY(client.read_object<int>(length_at));
  if (room < 0) return fail(EINVAL);
  const auto count = static_cast<size_t>(std::min(room, result.length));
  SKEP_TRY(client.write(address, std::as_bytes(std::span(&result.value, 1)).first(count)));
  return client.write_object(length_at, result.length);
}

void set_source(net::Sock& sock, const SockaddrStorage& address) {
  sock.src_port = ntohs(address.port);
  if (sock.family == AF_INET) sock.src_ip4 = address.ip4;
  if (sock.family == AF_INET6) std::ranges::copy(address.ip6, sock.src_ip6);
}

void set_destination(net::Sock& sock, const SockaddrStorage& address) {
  sock.dst_port = address.port;
  if (sock.family == AF_INET) sock.dst_ip4 = address.ip4;
  if (sock.family == AF_INET6) std::ranges::copy(address.ip6, sock.dst_ip6);
}

int shortest_address(const net::Sock& sock) {
  return sock.family == AF_INET ? static_cast<int>(sizeof(sockaddr_in)) : kShortestInet6;
}

}  // namespace skep::supervisor
