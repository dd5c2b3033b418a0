// Messages of sendmsg(2) and recvmsg(2), copied between a client and us. Sizes are bounded before memory is
// taken.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "supervisor/client.h"
#include "supervisor/sockets/policy_socket.h"

namespace skep::supervisor {

// struct msghdr as it lies in the client's memory.
struct ClientMessage {
  uint64_t name;
  int32_t name_length;
  uint32_t : 32;
  uint64_t vectors;
  uint64_t vector_count;
  uint64_t control;
  uint64_t control_length;
  uint32_t flags;
  uint32_t : 32;
};
static_assert(sizeof(ClientMessage) == 56);

// The pieces of memory that a message names. EMSGSIZE: more than 1,024; EINVAL: more bytes than a signed size
// has.
struct ClientVectors {
  std::vector<iovec> pieces;
  uint64_t total = 0;
};
Result<ClientVectors> read_vectors(Client& client, uint64_t address, uint64_t count);

// Copies up to `limit` bytes out of, or the given bytes into, the pieces. EFAULT.
Result<std::vector<std::byte>> gather(Client& client, const ClientVectors& vectors, size_t limit);
Status scatter(Client& client, const ClientVectors& vectors, std::span<const std::byte> data);

inline constexpr size_t kLongestDatagram = 65535;
inline constexpr size_t kLongestControl = 65536;

}  // namespace skep::supervisor
