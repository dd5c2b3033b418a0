#include "verifier/transfer/linked_registers.h"

namespace skep::verifier {

RegState& linked_register(VerifierState& state, const LinkedReg& link) {
  Frame& frame = state.frames[link.frame];
  return link.is_reg ? frame.regs[link.index] : frame.stack[link.index].spilled;
}

void collect_linked(const VerifierState& state, uint32_t id, LinkedRegs& out) {
  id &= ~kIdAddConst;
  const auto add = [&](const RegState& r, size_t frame, bool is_reg, size_t index) {
    if (!r.is_scalar() || r.base_id() != id || out.count == kMaxLinkedRegs) return;
    for (int i = 0; i < out.count; ++i) {
      const LinkedReg& seen = out.items[static_cast<size_t>(i)];
      if (seen.frame == frame && seen.is_reg == is_reg && seen.index == index) return;
    }
    out.items[out.count++] = {static_cast<uint8_t>(frame), is_reg, static_cast<uint8_t>(index)};
  };
  for (size_t f = state.frames.size(); f-- > 0;) {
    const Frame& frame = state.frames[f];
    for (size_t r = 0; r < kFramePointer; ++r) add(frame.regs[r], f, true, r);
    for (size_t s = 0; s < frame.stack.size(); ++s)
      if (frame.stack[s].is_scalar_spill()) add(frame.stack[s].spilled, f, false, s);
  }
}

void spread_knowledge(VerifierState& state, const RegState& known, const LinkedRegs& linked) {
  for (int i = 0; i < linked.count; ++i) {
    RegState& reg = linked_register(state, linked.items[static_cast<size_t>(i)]);
    if (!reg.is_scalar() || &reg == &known || reg.base_id() != known.base_id()) continue;
    // Sums of different widths wrap at different places: one says nothing of the other.
    if (((reg.id ^ known.id) & kIdAddConst) == kIdAddConst) continue;
    const bool both_plain = !(reg.id & kIdAddConst) && !(known.id & kIdAddConst);
    if (both_plain || reg.off == known.off) {
      reg = known;
      continue;
    }
    const int32_t off = reg.off;
    const uint32_t id = reg.id;
    const Bounds distance = Bounds::constant(static_cast<uint64_t>(int64_t{off} - known.off));
    reg = known;
    reg.off = off;
    reg.id = id;
    bounds_add(reg.bounds, distance);
    if ((reg.id | known.id) & kIdAddConst32) reg.bounds.zero_extend_32();
    reg.bounds.sync();
  }
}

}  // namespace skep::verifier
