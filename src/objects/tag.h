// The tag of a program: the first eight bytes of a digest over its instructions as loaded, with the fds (and
// the second halves) of map loads set to zero. SHA-256 from Linux 6.18, SHA-1 before.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "abi/insn.h"
#include "base/profile.h"

namespace skep::objects {

// `image`: the instructions of bpf(2), eight bytes each.
std::array<uint8_t, 8> program_tag(std::span<const std::byte> image, KernelProfile profile);

}  // namespace skep::objects
