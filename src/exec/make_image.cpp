#include "exec/executable.h"
#include "exec/interp/interpreter.h"
#include "exec/jit/x86_64/compiler.h"

namespace skep::exec {

Result<Ref<Image>> make_image(Executable executable, Engine engine) {
  switch (engine) {
    case Engine::kInterpreter:
      return interp::make(std::move(executable));
#if defined(__x86_64__)
    case Engine::kJit:
      return jit::x86_64::compile(std::move(executable));
#else
    case Engine::kJit:
      return fail(ENOTSUP, "no JIT for this architecture");
#endif
  }
  return fail(EINVAL);
}

}  // namespace skep::exec
