// VisibleMemory: the memory of maps, as far as programs may read it by address (bpf_probe_read_kernel, %s).
//
// Memory registers itself on creation and leaves before it is unmapped; a read holds it in place. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace skep::maps::visible_memory {

void add(const std::byte* begin, uint64_t size);
void remove(const std::byte* begin);

// Copies out.size() bytes from `address`; false when they are not all in the memory of one map.
bool read(uint64_t address, std::span<std::byte> out);

}  // namespace skep::maps::visible_memory
