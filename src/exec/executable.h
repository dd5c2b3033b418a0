// Executable: a verified and rewritten program, the input of both engines; Image: what they make of it.
//
// The verifier layer produces Executables only for accepted programs; engines trust them. Tests build them
// by hand through make_plain_executable().
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/ref.h"
#include "base/result.h"
#include "helpers/run_context.h"
#include "isa/insn.h"
#include "maps/map.h"
#include "maps/tail_target.h"

namespace skep::exec {

// What the verifier knows about one rewritten instruction. Parallel to Executable::insns.
struct InsnFacts {
  helpers::HelperFn helper = nullptr;  // kCallHelper: where to go
  uint32_t original = 0;               // index in the program as loaded: source lines, log, error messages
  bool zext_redundant = false;         // the upper half of the 32-bit result is never read
  bool is_map_handle = false;          // LD_IMM64 of a map: imm64 is Map::handle()
  bool is_function = false;  // LD_IMM64 of a subprogram (BPF_PSEUDO_FUNC): imm is the subprogram's index;
                             // the engine loads the address of its helpers::Function
};

struct Subprog {
  uint32_t start = 0;        // first instruction
  uint32_t end = 0;          // one past the last
  uint32_t stack_bytes = 0;  // deepest r10-relative access, rounded up to 8
  bool has_tail_call = false;
  std::string name;  // "" when there is no func_info
};

struct Executable {
  std::vector<isa::Insn> insns;      // LD_IMM64 carries final 64-bit values, kCallSubprog relative imm
  std::vector<InsnFacts> facts;      // same length
  std::vector<Subprog> subprogs;     // [0] is the entry
  std::vector<Ref<maps::Map>> maps;  // kept alive by the program
  std::string name;
};

// A runnable program. Immutable; any number of threads may run it at once, each with its own RunContext.
class Image : public maps::TailTarget {
 public:
  // Runs the program: r1 = ctx. The caller is inside an RCU read section and holds run.cpu.
  uint64_t run(void* ctx, helpers::RunContext& run) const {
    run.tail_calls = 0;
    return continue_run(ctx, run);
  }
  // The same as part of a run that goes on: a tail call from one engine's image into the other's.
  virtual uint64_t continue_run(void* ctx, helpers::RunContext& run) const = 0;
  // Calls subprogram `index` as a callback with up to five arguments (for helpers that take kFunc).
  virtual uint64_t call(uint32_t subprog, std::span<const uint64_t> args, helpers::RunContext& run) const = 0;
  virtual std::span<const std::byte> code() const { return {}; }  // machine code, empty when interpreted
  // Offset of the machine code of each rewritten instruction, empty when interpreted.
  virtual std::span<const uint32_t> code_offsets() const { return {}; }
};

enum class Engine : uint8_t { kInterpreter, kJit };

// The one way in: builds an image. ENOTSUPP when the engine cannot (never for verified programs), ENOMEM.
Result<Ref<Image>> make_image(Executable executable, Engine engine);

// For tests and the conformance runner: no verifier, default facts, one subprogram per kCallSubprog target.
// EINVAL for instructions that no row describes or jumps out of the program.
Result<Executable> make_plain_executable(std::span<const isa::Insn> insns);

}  // namespace skep::exec
