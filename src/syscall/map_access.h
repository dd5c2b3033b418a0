// What single-element and batch commands share: keys and values on their way between caller and map.
#pragma once

#include <vector>

#include "syscall/call.h"

namespace skep::syscall {

Status status_of(int error);  // of a map operation: 0 or -errno
// EINVAL: a key for a map without keys; EFAULT.
Result<std::vector<std::byte>> read_key(Caller& caller, const maps::Map& map, uint64_t address);
// Bytes of one value in bpf(2); maps that hold objects carry an fd in and an id out.
uint32_t value_bytes(const maps::Map& map);
Status update_element(Caller& caller, maps::Map& map, std::span<const std::byte> key,
                      std::span<const std::byte> value, uint64_t flags);

}  // namespace skep::syscall
