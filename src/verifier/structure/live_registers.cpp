// Which registers are still read after each instruction: a backward flow analysis before any path is
// followed, so that pruning compares only those.
#include "verifier/log/print_state.h"
#include "verifier/structure/structure.h"

namespace skep::verifier {
namespace {

using isa::Operation;
using isa::Source;

constexpr uint16_t kEveryRegister = 0xffff;
constexpr uint16_t kCallerSavedMask = 0x3f;
constexpr uint16_t bit(int reg) { return static_cast<uint16_t>(1u << reg); }

int parameter_count(const helpers::HelperProto& proto) {
  int count = 0;
  for (const helpers::ArgSpec& arg : proto.args) {
    if (arg.type == helpers::Arg::kDontCare) break;
    ++count;
  }
  return count;
}

}  // namespace

RegisterUse register_use(const Context& c, int32_t at) {
  const InsnInfo& info = c.info[static_cast<size_t>(at)];
  const isa::InsnDesc* d = info.desc;
  if (!d) return {kEveryRegister, 0};
  const isa::Insn& insn = c.insn(at);
  const uint16_t dst = bit(insn.dst), src = bit(insn.src);
  const auto reg_source = static_cast<uint16_t>(d->source == Source::kReg ? src : 0);
  switch (d->operation) {
    case Operation::kLoadImm64:
      return {0, dst};
    case Operation::kLoadAbs:
    case Operation::kLoadInd:
      return {kEveryRegister, 0};
    case Operation::kMov:
    case Operation::kMovsx:
    case Operation::kAddrSpaceCast:
      return {reg_source, dst};
    case Operation::kLoad:
    case Operation::kLoadSx:
    case Operation::kLoadAcquire:
      return {src, dst};
    case Operation::kStore:
      return {static_cast<uint16_t>(dst | reg_source), 0};
    case Operation::kStoreRelease:
      return {static_cast<uint16_t>(dst | src), 0};
    case Operation::kJump:
    case Operation::kMayGoto:
      return {0, 0};
    case Operation::kExit:
      return {bit(0), 0};
    case Operation::kCallHelper:
      if (info.helper)
        return {static_cast<uint16_t>(((1u << parameter_count(*info.helper)) - 1) << 1), kCallerSavedMask};
      [[fallthrough]];
    case Operation::kCallSubprog:
    case Operation::kCallKfunc:
    case Operation::kCallIndirect:
    case Operation::kTailCall:
      return {static_cast<uint16_t>(kCallerSavedMask & ~1), kCallerSavedMask};
    case Operation::kAtomicCmpxchg:
      return {static_cast<uint16_t>(dst | src | bit(0)), bit(0)};
    default:
      break;
  }
  if (d->is_atomic_rmw())
    return {static_cast<uint16_t>(dst | src), d->operation >= Operation::kAtomicFetchAdd ? src : uint16_t{0}};
  if (d->is_conditional()) return {static_cast<uint16_t>(dst | reg_source), 0};
  return {static_cast<uint16_t>(dst | reg_source), dst};
}

void find_live_registers(Context& c) {
  const auto n = c.insn_count();
  std::vector<RegisterUse> uses(static_cast<size_t>(n));
  for (int32_t i = 0; i < n; ++i)
    if (c.insn_info(i).desc) uses[static_cast<size_t>(i)] = register_use(c, i);
  // Backwards over the text converges in few rounds, since most edges go forward.
  for (bool changed = true; changed;) {
    changed = false;
    for (int32_t i = n - 1; i >= 0; --i) {
      if (!c.insn_info(i).desc) continue;
      uint16_t after = 0;
      const Successors next = successors(c, i);
      for (int k = 0; k < next.count; ++k) after |= c.insn_info(next.targets[k]).live_registers;
      const RegisterUse& use = uses[static_cast<size_t>(i)];
      const auto before = static_cast<uint16_t>((after & ~use.writes) | use.reads);
      changed |= before != c.insn_info(i).live_registers;
      c.insn_info(i).live_registers = before;
    }
  }
  if (!c.log.detailed()) return;
  c.log.print("Live regs before insn:\n");
  for (int32_t i = 0; i < n; ++i) {
    const InsnInfo& info = c.insn_info(i);
    if (!info.desc) continue;
    c.log.print("{} {:3}: ", info.loop ? fmt::format("{:3}", info.loop) : "   ", i);
    for (int r = 0; r < 10; ++r)
      c.log.print("{}", info.live_registers >> r & 1 ? static_cast<char>('0' + r) : '.');
    c.log.print(" ");
    print_insn(c, i);
  }
}

}  // namespace skep::verifier
