#include "exec/interp/decode.h"

#include <fmt/format.h>

namespace skep::exec::interp {
namespace {

using isa::Insn;
using isa::InsnDesc;
using isa::Operation;

std::unexpected<Error> bad(size_t index, const char* what) {
  return fail(EINVAL, fmt::format("instruction {}: {}", index, what));
}

// Steps from instruction `index` to its jump or call target; 0 where it has none.
int64_t distance(const InsnDesc& desc, const Insn& insn, size_t index) {
  if (desc.operation == Operation::kCallSubprog) return int64_t{insn.imm} + 1;
  if (desc.is_jump())
    return isa::jump_target(desc, insn, static_cast<int64_t>(index)) - static_cast<int64_t>(index);
  return 0;
}

}  // namespace

Result<std::vector<Step>> decode(const Executable& executable, const helpers::Function* const* functions) {
  const auto& insns = executable.insns;
  std::vector<Step> steps(insns.size());
  for (size_t i = 0; i < insns.size(); ++i) {
    const Insn& insn = insns[i];
    const InsnDesc* desc = isa::describe(insn);
    if (desc == nullptr || desc->operation == Operation::kCallIndirect) return bad(i, "unknown instruction");
    if (insn.dst > isa::kAuxRegister || insn.src > isa::kAuxRegister) return bad(i, "no such register");
    const InsnFacts& facts = executable.facts[i];
    Step& step = steps[i];
    step = {.op = desc->op, .dst = insn.dst, .src = insn.src, .offset = insn.off, .immediate = 0};
    step.immediate = static_cast<uint64_t>(int64_t{insn.imm});
    if (const int64_t away = distance(*desc, insn, i); away != 0 || desc->is_jump()) {
      const int64_t target = static_cast<int64_t>(i) + away;
      if (target < 0 || target >= static_cast<int64_t>(insns.size()))
        return bad(i, "jump out of the program");
      step.offset = static_cast<int32_t>(away);
    }
    if (desc->operation == Operation::kCallHelper || desc->operation == Operation::kCallKfunc) {
      if (facts.helper == nullptr) return bad(i, "call of a helper that is not there");
      step.helper = facts.helper;
    }
    if (desc->operation == Operation::kLoadImm64) {
      if (i + 1 >= insns.size()) return bad(i, "wide load without its second half");
      step.immediate = isa::imm64(insn, insns[i + 1]);
      if (facts.is_function) {
        if (step.immediate >= executable.subprogs.size()) return bad(i, "no such subprogram");
        step.immediate = reinterpret_cast<uint64_t>(functions[step.immediate]);
      }
      ++i;
    }
  }
  return steps;
}

}  // namespace skep::exec::interp
