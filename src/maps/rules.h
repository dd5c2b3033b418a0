// Rules of MAP_CREATE and of updates that several map types share.
#pragma once

#include <cstdint>

#include "abi/bpf.h"
#include "maps/map.h"

namespace skep::maps {

// Linux's BPF_F_ACCESS_MASK.
inline constexpr uint32_t kAccessFlags =
    abi::BPF_F_RDONLY | abi::BPF_F_WRONLY | abi::BPF_F_RDONLY_PROG | abi::BPF_F_WRONLY_PROG;

// What Linux 6.18 on x86-64 takes for the control block of a map: part of fdinfo's memlock.
inline constexpr uint64_t kArrayOverhead = 312, kHashOverhead = 896, kRingBufOverhead = 12616;

// The per-CPU allocator of Linux gives no more in one piece (PCPU_MIN_UNIT_SIZE).
inline constexpr uint64_t kMaxPerCpuValue = 32 << 10;

inline constexpr uint64_t kMaxAllocation = 4 << 20;  // KMALLOC_MAX_SIZE

constexpr uint64_t round_up(uint64_t size, uint64_t to) { return (size + to - 1) / to * to; }

inline bool names_numa_node(const MapSpec& spec) {
  return (spec.flags & abi::BPF_F_NUMA_NODE) && static_cast<int32_t>(spec.numa_node) != -1;
}

// A program may be kept from reading or from writing, not from both.
inline bool program_access_ok(uint32_t flags) {
  return (flags & (abi::BPF_F_RDONLY_PROG | abi::BPF_F_WRONLY_PROG)) !=
         (abi::BPF_F_RDONLY_PROG | abi::BPF_F_WRONLY_PROG);
}

// One element of an int-typed key; keys need not be aligned.
inline uint32_t index_of(const void* key) {
  uint32_t index;
  __builtin_memcpy(&index, key, sizeof index);
  return index;
}

// get_next_key of all array-like types: the index after `key`, or the first when key is none of the map's.
int next_index(uint32_t max_entries, std::span<const std::byte> key, std::span<std::byte> next);

}  // namespace skep::maps
