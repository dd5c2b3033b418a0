// The baseline x86-64 JIT: one pass over an Executable, one machine sequence for each instruction.
//
// compile() is the one way in. Register mapping, frames and the entry protocol are described in assembly.h.
#pragma once

#include "base/ref.h"
#include "base/result.h"
#include "exec/executable.h"

namespace skep::exec::jit::x86_64 {

// ENOTSUPP for an instruction or operand form without an emitter (never for verified programs), ENOMEM when
// executable memory cannot be had.
Result<Ref<Image>> compile(Executable executable);

// What of the processor is used; tests take features away.
struct Target {
  bool bmi2 = false;       // shifts by any register
  bool near_calls = true;  // call rel32 where the callee is in reach
};
const Target& host_target();
Result<Ref<Image>> compile(Executable executable, const Target& target);

}  // namespace skep::exec::jit::x86_64
