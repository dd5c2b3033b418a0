// Which ring buffer an address lies in: bpf_ringbuf_submit gets a record and nothing else.
#pragma once

#include <cstddef>

namespace skep::maps {

class RingBufMap;

void register_ring(RingBufMap* ring, const std::byte* begin, const std::byte* end);
void unregister_ring(const std::byte* begin);
// Inside an RCU read section; null when the address is in no ring.
RingBufMap* ring_of(const void* address) noexcept;

}  // namespace skep::maps
