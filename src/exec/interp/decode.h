// The interpreter's form of a program: one Step an instruction slot, everything that can be known beforehand
// already looked up.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "exec/executable.h"

namespace skep::exec::interp {

// Same index as the instruction it comes from; the second slot of a wide load is never executed.
struct Step {
  isa::Op op{};
  uint8_t dst = 0;
  uint8_t src = 0;
  int32_t offset = 0;  // memory operands: off; jumps and subprogram calls: steps to go from this one
  union {
    uint64_t immediate = 0;    // sign-extended to 64 bits; wide loads: the whole constant
    helpers::HelperFn helper;  // kCallHelper, kCallKfunc
  };
};
static_assert(sizeof(Step) == 16);

// `functions[i]` is what LD_IMM64 of subprogram i loads. EINVAL for what no row describes, for a jump out of
// the program and for a helper call without a helper.
Result<std::vector<Step>> decode(const Executable& executable, const helpers::Function* const* functions);

}  // namespace skep::exec::interp
