// make_plain_executable: bytes to an Executable without a verifier, for tests and the conformance runner.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "exec/executable.h"

namespace skep::exec {
namespace {

using isa::Operation;

bool targets_function(const isa::InsnDesc& desc) {
  return desc.operation == Operation::kCallSubprog || desc.op == isa::Op::kLoadImm64Func;
}

// Instruction that starts the called or named function, or -1 when outside the program.
int64_t function_start(const isa::Insn& insn, size_t index, size_t count) {
  const int64_t target = static_cast<int64_t>(index) + 1 + insn.imm;
  return target < 0 || target >= static_cast<int64_t>(count) ? -1 : target;
}

std::unexpected<Error> bad(size_t index, const char* what) {
  return fail(EINVAL, fmt::format("instruction {}: {}", index, what));
}

// Checks every instruction and collects where functions start, each with its subprogram index.
Result<std::map<uint32_t, uint32_t>> find_functions(std::span<const isa::Insn> insns) {
  std::map<uint32_t, uint32_t> starts = {{0, 0}};
  for (size_t i = 0; i < insns.size(); ++i) {
    const isa::InsnDesc* desc = isa::describe(insns[i]);
    if (desc == nullptr || desc->operation == Operation::kCallIndirect) return bad(i, "unknown instruction");
    if (insns[i].dst >= isa::kRegisterCount ||
        (desc->source == isa::Source::kReg && insns[i].src >= isa::kRegisterCount))
      return bad(i, "no such register");
    if (desc->is_jump()) {
      const int64_t target = isa::jump_target(*desc, insns[i], static_cast<int64_t>(i));
      if (target < 0 || target >= static_cast<int64_t>(insns.size()))
        return bad(i, "jump out of the program");
    }
    if (targets_function(*desc)) {
      const int64_t target = function_start(insns[i], i, insns.size());
      if (target < 0) return bad(i, "call out of the program");
      starts.emplace(static_cast<uint32_t>(target), 0);
    }
    if (isa::slots(*desc) == 2) {
      if (++i >= insns.size()) return bad(i - 1, "wide load without its second half");
      if (insns[i].code != 0) return bad(i, "no second half of a wide load");
    }
  }
  uint32_t next = 0;
  for (auto& [start, subprog] : starts) subprog = next++;
  return starts;
}

}  // namespace

Result<Executable> make_plain_executable(std::span<const isa::Insn> insns) {
  if (insns.empty()) return fail(EINVAL, "empty program");
  const auto starts = SKEP_TRY(find_functions(insns));
  Executable executable;
  executable.insns.assign(insns.begin(), insns.end());
  executable.facts.resize(insns.size());
  for (size_t i = 0; i < insns.size(); ++i) {
    executable.facts[i].original = static_cast<uint32_t>(i);
    const isa::InsnDesc* desc = isa::describe(insns[i]);
    if (desc != nullptr && desc->op == isa::Op::kLoadImm64Func) {
      executable.facts[i].is_function = true;
      executable.insns[i].imm =
          static_cast<int32_t>(starts.at(static_cast<uint32_t>(function_start(insns[i], i, insns.size()))));
    }
  }
  for (auto it = starts.begin(); it != starts.end(); ++it) {
    const auto next = std::next(it);
    const uint32_t end = next == starts.end() ? static_cast<uint32_t>(insns.size()) : next->first;
    const auto body = std::span(insns).subspan(it->first, end - it->first);
    const bool tail_calls = std::ranges::any_of(
        body, [](const isa::Insn& insn) { return insn.code == isa::row(isa::Op::kTailCall).code; });
    executable.subprogs.push_back({.start = it->first,
                                   .end = end,
                                   .stack_bytes = isa::kStackSize,
                                   .has_tail_call = tail_calls,
                                   .name = {}});
  }
  return executable;
}

}  // namespace skep::exec
