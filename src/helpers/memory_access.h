// Reading memory that a program names by address: the task's (user addresses), or what the virtual kernel
// exports. Anything else faults.
#pragma once

#include <cstdint>
#include <span>

#include "helpers/run_context.h"

namespace skep::helpers {

enum class AddressSpace : uint8_t { kUser, kKernel, kByAddress /* the two are told apart as on x86-64 */ };

// False on a fault; `out` is then unspecified.
bool read_memory(RunContext& run, AddressSpace space, uint64_t address, std::span<std::byte> out);
// Copies up to and with the terminating zero, at most out.size() bytes of which the last is then made zero.
// The number of bytes with the zero, or -EFAULT.
int64_t read_string(RunContext& run, AddressSpace space, uint64_t address, std::span<std::byte> out);

}  // namespace skep::helpers
