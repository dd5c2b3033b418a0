// Dynptrs: pointers whose bounds are checked while the program runs. The program's stack holds one as 16
// opaque bytes that only these helpers write.
#include <cerrno>
#include <cstring>

#include "helpers/impl.h"
#include "maps/ringbuf.h"

namespace skep::helpers {
namespace {

struct Dynptr {
  std::byte* data;
  uint32_t size;  // with kReadOnly
  uint32_t offset;

  uint32_t bytes() const { return size & kMaxSize; }
  static constexpr uint32_t kMaxSize = (uint32_t{1} << 24) - 1;
  static constexpr uint32_t kReadOnly = uint32_t{1} << 31;
};
static_assert(sizeof(Dynptr) == 16);

uint64_t status(int code) { return static_cast<uint64_t>(int64_t{code}); }
Dynptr& dynptr_at(uint64_t pointer) { return *reinterpret_cast<Dynptr*>(pointer); }

// The place of [offset, offset + length), or null when it is not inside.
std::byte* place(const Dynptr& dynptr, uint64_t offset, uint64_t length) {
  if (length > dynptr.bytes() || offset > dynptr.bytes() - length) return nullptr;
  return dynptr.data + dynptr.offset + offset;
}

uint64_t refuse(Dynptr& dynptr, int error) {
  dynptr = {};
  return status(error);
}

}  // namespace

uint64_t dynptr_from_mem(uint64_t data, uint64_t size, uint64_t flags, uint64_t pointer, uint64_t,
                         RunContext&) {
  Dynptr& dynptr = dynptr_at(pointer);
  if (static_cast<uint32_t>(size) > Dynptr::kMaxSize) return refuse(dynptr, -E2BIG);
  if (flags != 0) return refuse(dynptr, -EINVAL);
  dynptr = {.data = reinterpret_cast<std::byte*>(data), .size = static_cast<uint32_t>(size), .offset = 0};
  return 0;
}

uint64_t dynptr_read(uint64_t out, uint64_t length, uint64_t pointer, uint64_t offset, uint64_t flags,
                     RunContext&) {
  const Dynptr& dynptr = dynptr_at(pointer);
  if (dynptr.data == nullptr || flags != 0) return status(-EINVAL);
  const auto bytes = static_cast<uint32_t>(length);
  const std::byte* from = place(dynptr, static_cast<uint32_t>(offset), bytes);
  if (from == nullptr) return status(-E2BIG);
  memmove(reinterpret_cast<void*>(out), from, bytes);
  return 0;
}

uint64_t dynptr_write(uint64_t pointer, uint64_t offset, uint64_t from, uint64_t length, uint64_t flags,
                      RunContext&) {
  const Dynptr& dynptr = dynptr_at(pointer);
  if (dynptr.data == nullptr || (dynptr.size & Dynptr::kReadOnly) != 0) return status(-EINVAL);
  const auto bytes = static_cast<uint32_t>(length);
  std::byte* to = place(dynptr, static_cast<uint32_t>(offset), bytes);
  if (to == nullptr) return status(-E2BIG);
  if (flags != 0) return status(-EINVAL);
  memmove(to, reinterpret_cast<const void*>(from), bytes);
  return 0;
}

uint64_t dynptr_data(uint64_t pointer, uint64_t offset, uint64_t length, uint64_t, uint64_t, RunContext&) {
  const Dynptr& dynptr = dynptr_at(pointer);
  if (dynptr.data == nullptr || (dynptr.size & Dynptr::kReadOnly) != 0) return 0;
  return reinterpret_cast<uint64_t>(
      place(dynptr, static_cast<uint32_t>(offset), static_cast<uint32_t>(length)));
}

uint64_t ringbuf_reserve_dynptr(uint64_t map, uint64_t size, uint64_t flags, uint64_t pointer, uint64_t,
                                RunContext&) {
  Dynptr& dynptr = dynptr_at(pointer);
  if (flags != 0) return refuse(dynptr, -EINVAL);
  const auto bytes = static_cast<uint32_t>(size);
  if (bytes > Dynptr::kMaxSize) return refuse(dynptr, -E2BIG);
  auto& ring = static_cast<maps::RingBufMap&>(*maps::Map::from_handle(map));
  void* record = ring.reserve(bytes, 0);
  if (record == nullptr) return refuse(dynptr, -EINVAL);
  dynptr = {.data = static_cast<std::byte*>(record), .size = bytes, .offset = 0};
  return 0;
}

uint64_t ringbuf_submit_dynptr(uint64_t pointer, uint64_t flags, uint64_t, uint64_t, uint64_t, RunContext&) {
  Dynptr& dynptr = dynptr_at(pointer);
  if (dynptr.data != nullptr) maps::RingBufMap::submit(dynptr.data, flags);
  dynptr = {};
  return 0;
}

uint64_t ringbuf_discard_dynptr(uint64_t pointer, uint64_t flags, uint64_t, uint64_t, uint64_t, RunContext&) {
  Dynptr& dynptr = dynptr_at(pointer);
  if (dynptr.data != nullptr) maps::RingBufMap::discard(dynptr.data, flags);
  dynptr = {};
  return 0;
}

}  // namespace skep::helpers
