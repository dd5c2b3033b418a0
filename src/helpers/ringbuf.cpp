// Helpers on ring buffers.
#include "maps/ringbuf.h"

#include "helpers/impl.h"

namespace skep::helpers {
namespace {

maps::RingBufMap& ring_of(uint64_t handle) {
  return static_cast<maps::RingBufMap&>(*maps::Map::from_handle(handle));
}

}  // namespace

uint64_t ringbuf_output(uint64_t map, uint64_t data, uint64_t size, uint64_t flags, uint64_t, RunContext&) {
  return static_cast<uint64_t>(
      int64_t{ring_of(map).output(reinterpret_cast<const void*>(data), size, flags)});
}

uint64_t ringbuf_reserve(uint64_t map, uint64_t size, uint64_t flags, uint64_t, uint64_t, RunContext&) {
  return reinterpret_cast<uint64_t>(ring_of(map).reserve(size, flags));
}

uint64_t ringbuf_submit(uint64_t record, uint64_t flags, uint64_t, uint64_t, uint64_t, RunContext&) {
  maps::RingBufMap::submit(reinterpret_cast<void*>(record), flags);
  return 0;
}

uint64_t ringbuf_discard(uint64_t record, uint64_t flags, uint64_t, uint64_t, uint64_t, RunContext&) {
  maps::RingBufMap::discard(reinterpret_cast<void*>(record), flags);
  return 0;
}

uint64_t ringbuf_query(uint64_t map, uint64_t what, uint64_t, uint64_t, uint64_t, RunContext&) {
  return ring_of(map).query(what);
}

}  // namespace skep::helpers
