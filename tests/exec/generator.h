// Random programs that the kernel's verifier accepts: arithmetic, jumps, stack memory, atomics and BPF-to-BPF
// calls on values that it does not know.
//
// A program is of type syscall. Its context is Context::kWords 64-bit words: nine start values of registers
// and eight of stack slots, and at the end what became of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "isa/insn.h"

namespace skep::exec {

struct Context {
  static constexpr size_t kRegisters = 11;  // slot i holds register i; that of r6 (the context) stays unused
  static constexpr size_t kOne = 10;        // and that of r10 holds a 1
  static constexpr size_t kSlots = 8;       // stack slots below r10
  static constexpr size_t kWords = kRegisters + kSlots;
  uint64_t words[kWords] = {};
  friend bool operator==(const Context&, const Context&) = default;
};

// The same seed gives the same program.
std::vector<isa::Insn> generate_program(uint64_t seed);
// Start values: small, large, and near the limits of each width.
Context generate_context(uint64_t seed);

}  // namespace skep::exec
