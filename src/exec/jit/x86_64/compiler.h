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

}  // namespace skep::exec::jit::x86_64
