#include "supervisor/sockets/messages.h"

#include <algorithm>
#include <climits>

namespace skep::supervisor {

namespace {

constexpr uint64_t kMostVectors = 1024;  // UIO_MAXIOV

}  // namespace

Result<ClientVectors> read_vectors(Client& client, uint64_t address, uint64_t count) {
  if (count > kMostVectors) return fail(EMSGSIZE);
  ClientVectors vectors;
  vectors.pieces.resize(count);
  SKEP_TRY(client.read(address, std::as_writable_bytes(std::span(vectors.pieces))));
  for (const iovec& piece : vectors.pieces) {
    if (piece.iov_len > static_cast<uint64_t>(SSIZE_MAX)) return fail(EINVAL);
    vectors.total += piece.iov_len;
  }
  return vectors;
}

Result<std::vector<std::byte>> gather(Client& client, const ClientVectors& vectors, size_t limit) {
  std::vector<std::byte> data(std::min<uint64_t>(vectors.total, limit));
  std::span<std::byte> rest(data);
  for (const iovec& piece : vectors.pieces) {
    const size_t size = std::min(piece.iov_len, rest.size());
    SKEP_TRY(client.read(reinterpret_cast<uint64_t>(piece.iov_base), rest.first(size)));
    rest = rest.subspan(size);
  }
  return data;
}

Status scatter(Client& client, const ClientVectors& vectors, std::span<const std::byte> data) {
  for (const iovec& piece : vectors.pieces) {
    const size_t size = std::min(piece.iov_len, data.size());
    SKEP_TRY(client.write(reinterpret_cast<uint64_t>(piece.iov_base), data.first(size)));
    data = data.subspan(size);
  }
  return {};
}

}  // namespace skep::supervisor
