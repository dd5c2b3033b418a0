// Conditional jumps: the way that must be taken, or both with what each teaches.
#include <algorithm>

#include "verifier/log/print_state.h"
#include "verifier/prune/history.h"
#include "verifier/prune/precision.h"
#include "verifier/prune/prune.h"
#include "verifier/transfer/linked_registers.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

using isa::Operation;
using isa::Source;

// pkt + off <= pkt_end (or <): every pointer with the same variable part gets that many bytes.
void packet_range_checked(VerifierState& state, const RegState& checked, bool one_more) {
  if (checked.off < 0 || (checked.off == 0 && one_more)) return;
  if (checked.bounds.umax > kMaxPacketOffset ||
      checked.bounds.umax + static_cast<uint64_t>(checked.off) > static_cast<uint64_t>(kMaxPacketOffset))
    return;
  const int32_t range = checked.off + (one_more ? 1 : 0);
  const RegKind kind = checked.kind;
  const uint32_t id = checked.id;
  for_each_reg(state, [&](RegState& r) {
    if (r.is(kind) && r.flags == 0 && r.id == id) r.range = std::max(r.range, range);
  });
}

void mark_at_end(VerifierState& state, int reg, bool beyond) {
  RegState& r = state.current().regs[static_cast<size_t>(reg)];
  if (r.is(RegKind::kPacket)) r.range = beyond ? kBeyondPacketEnd : kAtPacketEnd;
}

bool is_start(const RegState& end) {  // a pointer to the packet's first byte ends the metadata
  return end.is(RegKind::kPacket) && end.off == 0 && end.id == 0 && end.bounds.bits.equals_const(0);
}

bool bounded_by(const RegState& pointer, const RegState& end) {
  return (pointer.is(RegKind::kPacket) && end.is(RegKind::kPacketEnd)) ||
         (pointer.is(RegKind::kPacketMeta) && is_start(end));
}

// A comparison of a packet pointer with its end. `taken` and `fallen` are the two outcomes.
bool match_packet_pointers(const isa::Insn& insn, const isa::InsnDesc& d, const RegState& dst,
                           const RegState& src, VerifierState& fallen, VerifierState& taken) {
  if (d.source != Source::kReg || d.width == isa::Width::k32) return false;
  const bool dst_first = bounded_by(dst, src);
  if (!dst_first && !bounded_by(src, dst)) return false;
  const RegState pointer = dst_first ? dst : src;
  const int reg = dst_first ? insn.dst : insn.src;
  // Normalised to "pointer OP end": in which outcome is it inside, and is equality inside or outside?
  bool inside_when_taken, strict;
  switch (d.operation) {
    case Operation::kJgt:
      inside_when_taken = !dst_first;
      strict = !dst_first;
      break;
    case Operation::kJlt:
      inside_when_taken = dst_first;
      strict = dst_first;
      break;
    case Operation::kJge:
      inside_when_taken = !dst_first;
      strict = dst_first;
      break;
    case Operation::kJle:
      inside_when_taken = dst_first;
      strict = !dst_first;
      break;
    default:
      return false;
  }
  VerifierState& inside = inside_when_taken ? taken : fallen;
  VerifierState& outside = inside_when_taken ? fallen : taken;
  packet_range_checked(inside, pointer, strict);
  mark_at_end(outside, reg, !strict);
  return true;
}

void mark_not_null(RegState& r) { r.flags &= static_cast<uint8_t>(~kPtrMaybeNull); }

// Two pointers compared equal: if one is not null neither is the other.
void learn_from_equal_pointers(const isa::Insn& insn, const isa::InsnDesc& d, VerifierState& fallen,
                               VerifierState& taken) {
  if (d.source != Source::kReg || d.width == isa::Width::k32) return;
  if (d.operation != Operation::kJeq && d.operation != Operation::kJne) return;
  const RegState& dst = fallen.current().regs[insn.dst];
  const RegState& src = fallen.current().regs[insn.src];
  if (!dst.is_pointer() || !src.is_pointer() || dst.maybe_null() == src.maybe_null()) return;
  VerifierState& equal = d.operation == Operation::kJeq ? taken : fallen;
  mark_not_null(equal.current().regs[src.maybe_null() ? insn.src : insn.dst]);
}

void follow(Context& c) {
  if (c.log.any()) print_insn_state(c, *c.state, c.state->depth());
}

// The state at this loop's previous turn; the checkpoint just made for this one does not count.
const VerifierState* before_this_visit(const Context& c) {
  return c.state->parent ? previous_entry(*c.state->parent, c.insn_index) : nullptr;
}

Check may_goto(Context& c, const isa::Insn& insn) {
  VerifierState* queued = push_path(c, c.insn_index + 1, c.insn_index);
  if (!queued) return Check::refused(c.rejection.code);
  queued->may_goto_depth++;
  if (const VerifierState* previous = before_this_visit(c)) widen_imprecise(c, *previous, *queued);
  c.insn_index += insn.off;
  return {};
}

Check operands(Context& c, const isa::Insn& insn, const isa::InsnDesc& d) {
  SKEP_REQUIRE(require_readable(c, insn.dst));
  const RegState& dst = c.reg(insn.dst);
  uint16_t flags = 0;
  if (d.source == Source::kReg) {
    SKEP_REQUIRE(require_readable(c, insn.src));
    const RegState& src = c.reg(insn.src);
    if (!(dst.is_any_packet() && src.is_any_packet()) && leaks_pointer(c, src))
      return c.reject(EACCES, "R{} pointer comparison prohibited", insn.src);
    if (src.is(RegKind::kStack)) flags |= kSrcIsStackPointer;
  }
  if (dst.is(RegKind::kStack)) flags |= kDstIsStackPointer;
  if (flags) push_history(c, *c.state, {.flags = flags});
  return {};
}

// Both ways are possible: what each of them teaches.
Check explore_both(Context& c, const isa::Insn& insn, const isa::InsnDesc& d) {
  const bool by_reg = d.source == Source::kReg;
  const bool is32 = d.width == isa::Width::k32;
  VerifierState& fallen = *c.state;
  LinkedRegs linked;
  if (by_reg && c.reg(insn.src).is_scalar() && c.reg(insn.src).id)
    collect_linked(fallen, c.reg(insn.src).id, linked);
  if (c.reg(insn.dst).is_scalar() && c.reg(insn.dst).id) collect_linked(fallen, c.reg(insn.dst).id, linked);
  if (linked.count > 1) push_history(c, fallen, {.linked = linked});

  VerifierState* other = push_path(c, c.insn_index + insn.off + 1, c.insn_index);
  if (!other) return Check::refused(c.rejection.code);
  VerifierState& taken = *other;
  RegState& dst = c.reg(insn.dst);
  RegState& taken_dst = taken.current().regs[insn.dst];
  RegState immediate[2] = {RegState::constant(static_cast<uint64_t>(int64_t{insn.imm})),
                           RegState::constant(static_cast<uint64_t>(int64_t{insn.imm}))};
  RegState& src = by_reg ? c.reg(insn.src) : immediate[0];
  RegState& taken_src = by_reg ? taken.current().regs[insn.src] : immediate[1];
  refine_condition(dst, src, d.operation, false, is32);
  refine_condition(taken_dst, taken_src, d.operation, true, is32);
  SKEP_REQUIRE(sane_bounds(c, taken_dst, "true_reg1"));
  SKEP_REQUIRE(sane_bounds(c, taken_src, "true_reg2"));
  SKEP_REQUIRE(sane_bounds(c, dst, "false_reg1"));
  SKEP_REQUIRE(sane_bounds(c, src, "false_reg2"));
  if (by_reg && src.is_scalar() && src.id) {
    spread_knowledge(fallen, src, linked);
    spread_knowledge(taken, taken_src, linked);
  }
  if (dst.is_scalar() && dst.id) {
    spread_knowledge(fallen, dst, linked);
    spread_knowledge(taken, taken_dst, linked);
  }
  learn_from_equal_pointers(insn, d, fallen, taken);

  const bool equality = d.operation == Operation::kJeq || d.operation == Operation::kJne;
  if (!is32 && !by_reg && insn.imm == 0 && equality && dst.maybe_null()) {
    mark_null_check(fallen, insn.dst, d.operation == Operation::kJne);
    mark_null_check(taken, insn.dst, d.operation == Operation::kJeq);
  } else if (!match_packet_pointers(insn, d, dst, by_reg ? src : dst, fallen, taken) &&
             leaks_pointer(c, c.reg(insn.dst))) {
    return c.reject(EACCES, "R{} pointer comparison prohibited", insn.dst);
  }
  follow(c);
  return {};
}

}  // namespace

void mark_null_check(VerifierState& state, int reg, bool is_null) {
  const RegState checked = state.current().regs[static_cast<size_t>(reg)];
  const uint32_t id = checked.id;
  // The object whose pointer is null was never acquired.
  if (checked.ref_obj_id && checked.ref_obj_id == id && is_null)
    std::erase_if(state.refs, [&](const Reference& r) { return r.id == id; });
  for_each_reg(state, [&](RegState& r) {
    if (!r.maybe_null() || r.id != id || r.off != 0 || !r.bounds.bits.equals_const(0)) return;
    if (is_null) {
      r = RegState::constant(0);
      return;
    }
    mark_not_null(r);
    r.id = 0;  // has served: the reference, if there is one, goes by ref_obj_id
  });
}

Check do_conditional_jump(Context& c) {
  const isa::Insn insn = c.insn(c.insn_index);
  const isa::InsnDesc& d = c.desc(c.insn_index);
  if (d.operation == Operation::kMayGoto) return may_goto(c, insn);
  SKEP_REQUIRE(operands(c, insn, d));
  const bool by_reg = d.source == Source::kReg;
  const bool is32 = d.width == isa::Width::k32;
  const RegState immediate = RegState::constant(static_cast<uint64_t>(int64_t{insn.imm}));
  const int outcome = branch_taken(c.reg(insn.dst), by_reg ? c.reg(insn.src) : immediate, d.operation, is32);
  if (outcome < 0) return explore_both(c, insn, d);
  if (!c.reg(insn.dst).is_pointer()) SKEP_REQUIRE(mark_precise(c, insn.dst));
  if (by_reg && !c.reg(insn.src).is_pointer()) SKEP_REQUIRE(mark_precise(c, insn.src));
  follow(c);
  if (outcome == 1) c.insn_index += insn.off;
  return {};
}

}  // namespace skep::verifier
