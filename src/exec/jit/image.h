// JitImage: machine code in sealed memory, with what is needed to run it, to resume after faults in it and to
// find instructions in it. Any thread may run it; immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "exec/executable.h"
#include "exec/fault.h"
#include "exec/jit/code_memory.h"

namespace skep::exec::jit {

class JitImage;

// What a program's function pointer points at. Made before the code, since the code holds its address.
struct JitFunction : helpers::Function {
  const JitImage* image = nullptr;
  uint32_t subprog = 0;
};

// Where things are in the code, as offsets from its start.
struct CodeLayout {
  std::vector<uint32_t> instructions;  // of each rewritten instruction
  std::vector<uint32_t> subprograms;   // entry of each; [0] takes (ctx, run), the others BPF registers
  uint32_t trampoline = 0;  // uint64_t(const void* subprogram, const uint64_t args[5], RunContext*)
};

class JitImage final : public Image {
 public:
  JitImage(CodeMemory memory, CodeLayout layout, std::unique_ptr<JitFunction[]> functions,
           std::vector<fault::Site> fault_sites, std::vector<Ref<maps::Map>> maps);

  uint64_t continue_run(void* ctx, helpers::RunContext& run) const override;
  uint64_t call(uint32_t subprog, std::span<const uint64_t> args, helpers::RunContext& run) const override;
  std::span<const std::byte> code() const override { return memory_.code(); }
  std::span<const uint32_t> code_offsets() const override { return layout_.instructions; }

 private:
  CodeMemory memory_;
  CodeLayout layout_;
  std::unique_ptr<JitFunction[]> functions_;  // one a subprogram; null when the program names none
  std::vector<Ref<maps::Map>> maps_;          // addresses of these stand in the code
  fault::Sites fault_sites_;                  // goes before the code does
};

// One function of an image that does not exist yet; JitImage's constructor connects them.
std::unique_ptr<JitFunction[]> make_functions(size_t subprogram_count);

}  // namespace skep::exec::jit
