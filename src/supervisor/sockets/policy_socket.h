// PolicySocket: a client's socket while cgroup programs judge one call on it: our duplicate, what programs
// may see of it, and the cgroup whose programs decide.
//
// The rule for every call that a hook wants: arguments are copied in once, judged, and then used on the
// duplicate. Only calls on sockets that the hook is not about go on in the client. (A client with threads may
// put another socket under the same number in that moment; the hook then does not see the call.)
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "attach/cgroup/cgroup.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "net/sock.h"
#include "progtypes/kernel_ctx.h"
#include "supervisor/environment.h"
#include "supervisor/outcome.h"
#include "supervisor/supervisor.h"

namespace skep::supervisor {

// True when any cgroup has a program for one of the attach types. Cheap: no look at the client.
bool hook_wanted(Supervisor& supervisor, std::initializer_list<uint32_t> attach_types);

class PolicySocket {
 public:
  // The socket under the client's fd. EBADF, ENOTSOCK.
  static Result<PolicySocket> open(Supervisor& supervisor, Client& client, int fd);

  int fd() const { return fd_.get(); }
  bool is_inet() const { return sock.family == AF_INET || sock.family == AF_INET6; }
  // UDP-Lite is UDP to every hook.
  bool is_udp() const {
    return is_inet() && sock.type == SOCK_DGRAM &&
           (sock.protocol == IPPROTO_UDP || sock.protocol == IPPROTO_UDPLITE);
  }
  bool blocks() const;
  const attach::Cgroup& cgroup() const { return *cgroup_; }
  // Whether the socket's own cgroup has programs of this type.
  bool has_programs(uint32_t attach_type) const;
  // One of two attach types, by the socket's family.
  uint32_t pick(uint32_t inet4, uint32_t inet6) const { return sock.family == AF_INET ? inet4 : inet6; }

  net::Sock sock;

 private:
  void describe();

  UniqueFd fd_;
  Ref<attach::Cgroup> cgroup_;
};

// A socket address argument, copied in. EINVAL: a negative or too great length; EFAULT.
struct AddressArgument {
  progtypes::SockaddrStorage value;
  int length = 0;

  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&value); }
};
Result<AddressArgument> read_address(Client& client, uint64_t address, int length);

// Writes an address result as the kernel does: cut to the client's length, then the full length.
Status write_address(Client& client, uint64_t address, uint64_t length_at, const AddressArgument& result);

// Takes src_* or dst_* of `sock` from an address.
void set_source(net::Sock& sock, const progtypes::SockaddrStorage& address);
void set_destination(net::Sock& sock, const progtypes::SockaddrStorage& address);

// Shortest sockaddr that the kernel takes for the socket's family.
int shortest_address(const net::Sock& sock);

}  // namespace skep::supervisor
