// The interpreter: the reference meaning of every instruction. make() is the one way in.
#pragma once

#include "base/ref.h"
#include "base/result.h"
#include "exec/executable.h"

namespace skep::exec::interp {

// EINVAL for programs that no verifier would pass (unknown instructions, jumps out of the program).
Result<Ref<Image>> make(Executable executable);

}  // namespace skep::exec::interp
