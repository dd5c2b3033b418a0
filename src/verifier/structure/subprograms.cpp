// Where functions begin and end.
#include <algorithm>

#include "abi/insn.h"
#include "verifier/structure/structure.h"

namespace skep::verifier {
namespace {

bool names_subprogram(const isa::InsnDesc& d) {
  return d.operation == isa::Operation::kCallSubprog || d.op == isa::Op::kLoadImm64Func;
}

bool is_jump_class(const isa::Insn& insn) {
  const int cls = insn.code & 7;
  return cls == abi::BPF_JMP || cls == abi::BPF_JMP32;
}

}  // namespace

Check find_subprograms(Context& c) {
  std::vector<uint32_t> starts{0};
  for (int32_t i = 0; i < c.insn_count(); ++i) {
    const isa::InsnDesc* d = isa::describe(c.insn(i));
    if (d && d->group == isa::Group::kInternal) d = nullptr;
    c.insn_info(i).desc = d;
    if (!d) continue;
    if (d->operation == isa::Operation::kCallKfunc || names_subprogram(*d)) {
      if (!c.privileged)
        return c.reject(
            EPERM, "loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN");
      if (d->operation != isa::Operation::kCallKfunc) {
        const int64_t target = int64_t{i} + c.insn(i).imm + 1;
        if (target < 0 || target >= c.insn_count()) return c.reject(EINVAL, "call to invalid destination");
        starts.push_back(static_cast<uint32_t>(target));
      }
    }
    if (d->operation == isa::Operation::kLoadImm64) {
      // The second slot means nothing by itself, also where its bytes look like an instruction.
      ++i;
    }
  }
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  if (starts.size() > kMaxSubprogs) return c.reject(E2BIG, "too many subprograms");
  for (uint32_t start : starts) {
    SubprogInfo s;
    s.start = start;
    c.subprogs.push_back(std::move(s));
  }
  SubprogInfo end;
  end.start = static_cast<uint32_t>(c.insn_count());
  c.subprogs.push_back(std::move(end));
  if (c.log.detailed())
    for (size_t i = 0; i < starts.size(); ++i) c.log.print("func#{} @{}\n", i, starts[i]);
  return {};
}

Check check_subprogram_bounds(Context& c) {
  size_t current = 0;
  for (int32_t i = 0; i < c.insn_count(); ++i) {
    SubprogInfo& sub = c.subprogs[current];
    const auto end = static_cast<int32_t>(c.subprogs[current + 1].start);
    const isa::Insn& insn = c.insn(i);
    const int op = insn.code & 0xf0;
    if (insn.code == (abi::BPF_JMP | abi::BPF_CALL) && insn.src == 0 && insn.imm == abi::BPF_FUNC_tail_call)
      sub.has_tail_call = true;
    if ((insn.code & 7) == abi::BPF_LD &&
        ((insn.code & 0xe0) == abi::BPF_ABS || (insn.code & 0xe0) == abi::BPF_IND))
      sub.has_ld_abs = true;
    if (is_jump_class(insn) && op != abi::BPF_EXIT && op != abi::BPF_CALL) {
      const int64_t target =
          int64_t{i} + 1 + (insn.code == (abi::BPF_JMP32 | abi::BPF_JA) ? insn.imm : insn.off);
      if (target < sub.start || target >= end)
        return c.reject(EINVAL, "jump out of range from insn {} to {}", i, target);
    }
    if (i == end - 1) {
      // The one after the last would be another function's, or nobody's.
      if (insn.code != (abi::BPF_JMP | abi::BPF_EXIT) && insn.code != (abi::BPF_JMP32 | abi::BPF_JA) &&
          insn.code != (abi::BPF_JMP | abi::BPF_JA))
        return c.reject(EINVAL, "last insn is not an exit or jmp");
      ++current;
    }
  }
  return {};
}

}  // namespace skep::verifier
