// Whether one state is covered by another: what was safe with the old one is safe with the current one.
#include <algorithm>

#include "verifier/prune/prune.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

// Pairs ids of two states one to one, so that registers that were equal in the old state are in the current.
class IdMap {
 public:
  explicit IdMap(uint32_t next_id) : next_(next_id) {}

  bool match(uint32_t old_id, uint32_t current_id) {
    if ((old_id != 0) != (current_id != 0)) return false;
    if (old_id == 0) return true;
    for (const auto& [o, n] : pairs_) {
      if (o == old_id) return n == current_id;
      if (n == current_id) return false;
    }
    pairs_.emplace_back(old_id, current_id);
    return true;
  }
  // A scalar without id is equal to nothing else: as if its id were unique.
  bool match_scalars(uint32_t old_id, uint32_t current_id) {
    if (!old_id) old_id = ++next_;
    if (!current_id) current_id = ++next_;
    return match(old_id, current_id);
  }

 private:
  uint32_t next_;
  std::vector<std::pair<uint32_t, uint32_t>> pairs_;
};

bool covers(const Bounds& old, const Bounds& current) {
  return old.umin <= current.umin && old.umax >= current.umax && old.smin <= current.smin &&
         old.smax >= current.smax && old.u32min <= current.u32min && old.u32max >= current.u32max &&
         old.s32min <= current.s32min && old.s32max >= current.s32max && old.bits.contains(current.bits);
}

// Everything before the ranges: kind, offset and what it points at.
bool same_object(const RegState& a, const RegState& b) {
  return a.same_type(b) && a.off == b.off && a.map == b.map && a.range == b.range &&
         a.mem_size == b.mem_size && a.subprog == b.subprog;
}

bool exact(const RegState& a, const RegState& b, IdMap& ids) {
  return same_object(a, b) && a.bounds == b.bounds && ids.match(a.id, b.id) &&
         ids.match(a.ref_obj_id, b.ref_obj_id);
}

bool covers(const RegState& old, const RegState& current, IdMap& ids, Exactness exactness) {
  if (exactness == Exactness::kExact) return exact(old, current, ids);
  if (old.is(RegKind::kNotInit)) return true;
  if (!old.same_type(current)) return false;
  switch (old.kind) {
    case RegKind::kScalar:
      if (!old.precise && exactness == Exactness::kNotExact) return true;
      if ((old.id & kIdAddConst) != (current.id & kIdAddConst)) return false;
      if (old.id & kIdAddConst && old.off != current.off) return false;
      return covers(old.bounds, current.bounds) && ids.match_scalars(old.base_id(), current.base_id());
    case RegKind::kMapKey:
    case RegKind::kMapValue:
    case RegKind::kMem:
    case RegKind::kBuf:
    case RegKind::kTpBuffer:
      return same_object(old, current) && covers(old.bounds, current.bounds) &&
             ids.match(old.id, current.id) && ids.match(old.ref_obj_id, current.ref_obj_id);
    case RegKind::kPacket:
    case RegKind::kPacketMeta:
      if (old.range < 0 || current.range < 0 ? old.range != current.range : old.range > current.range)
        return false;
      return old.off == current.off && ids.match(old.id, current.id) && covers(old.bounds, current.bounds);
    case RegKind::kStack:
      return exact(old, current, ids) && old.frame == current.frame;
    default:
      return exact(old, current, ids);
  }
}

// The slot as one scalar: a whole spilled one, or bytes of which nothing is known. Null: neither.
const RegState* as_scalar(const Context& c, const StackSlot& slot, const RegState& unbound) {
  if (slot.is_full_spill() && slot.spilled.is_scalar()) return &slot.spilled;
  const bool all_misc = std::all_of(slot.bytes.begin(), slot.bytes.end(), [&](SlotByte b) {
    return b == SlotByte::kMisc || (b == SlotByte::kInvalid && c.allow_uninit_stack);
  });
  return all_misc ? &unbound : nullptr;
}

bool slot_covers(const Context& c, const StackSlot& old, const StackSlot* current, IdMap& ids,
                 Exactness exactness) {
  static const RegState kUnbound = RegState::unknown();
  if (exactness == Exactness::kExact && (!current || old.bytes != current->bytes)) return false;
  for (size_t i = 0; i < kSlotBytes; ++i) {
    const SlotByte byte = old.bytes[i];
    if (byte == SlotByte::kInvalid || (c.allow_uninit_stack && byte == SlotByte::kMisc)) continue;
    if (!current) return false;
    const RegState* old_scalar = as_scalar(c, old, kUnbound);
    const RegState* current_scalar = as_scalar(c, *current, kUnbound);
    if (old_scalar && current_scalar) return covers(*old_scalar, *current_scalar, ids, exactness);
    if (byte == SlotByte::kMisc && current->bytes[i] == SlotByte::kZero) continue;
    if (byte != current->bytes[i]) return false;
    if (i == kSlotBytes - 1 && byte == SlotByte::kSpill)
      return covers(old.spilled, current->spilled, ids, exactness);
  }
  return true;
}

bool frame_covers(Context& c, const Frame& old, const Frame& current, int32_t insn, IdMap& ids,
                  Exactness exactness) {
  if (old.callback_depth > current.callback_depth) return false;
  const uint16_t live = c.insn_info(insn).live_registers;
  for (size_t i = 0; i < isa::kRegisterCount; ++i)
    if (live >> i & 1 && !covers(old.regs[i], current.regs[i], ids, exactness)) return false;
  for (size_t i = 0; i < old.stack.size(); ++i) {
    const StackSlot* slot = i < current.stack.size() ? &current.stack[i] : nullptr;
    if (!slot_covers(c, old.stack[i], slot, ids, exactness)) return false;
  }
  return true;
}

}  // namespace

bool registers_exact(const RegState& old, const RegState& current) {
  return same_object(old, current) && old.bounds == current.bounds && old.id == current.id &&
         old.ref_obj_id == current.ref_obj_id;
}

bool states_equal(Context& c, const VerifierState& old, const VerifierState& current, Exactness exactness) {
  if (old.depth() != current.depth()) return false;
  IdMap ids(c.id_generator);
  if (old.refs.size() != current.refs.size()) return false;
  for (size_t i = 0; i < old.refs.size(); ++i)
    if (!ids.match(old.refs[i].id, current.refs[i].id)) return false;
  for (int i = 0; i <= old.depth(); ++i) {
    const Frame& a = old.frames[static_cast<size_t>(i)];
    const Frame& b = current.frames[static_cast<size_t>(i)];
    if (a.callsite != b.callsite || a.subprog != b.subprog) return false;
    if (!frame_covers(c, a, b, old.insn_of_frame(i), ids, exactness)) return false;
  }
  return true;
}

const VerifierState* previous_entry(const VerifierState& state, int32_t insn) {
  for (const VerifierState* s = state.parent; s; s = s->parent) {
    if (s->insn != insn || s->depth() != state.depth()) continue;
    bool same = true;
    for (size_t i = 0; i < s->frames.size(); ++i) same &= s->frames[i].callsite == state.frames[i].callsite;
    if (same) return s;
  }
  return nullptr;
}

void widen_imprecise(Context& c, const VerifierState& previous, VerifierState& state) {
  IdMap ids(c.id_generator);
  const auto widen = [&](const RegState& old, RegState& current) {
    if (!old.is_scalar() || !current.is_scalar() || old.precise || current.precise ||
        exact(old, current, ids))
      return;
    set_unknown(c, current);
  };
  for (size_t f = previous.frames.size(); f-- > 0;) {
    const Frame& old = previous.frames[f];
    Frame& current = state.frames[f];
    for (size_t i = 0; i < kFramePointer; ++i) widen(old.regs[i], current.regs[i]);
    for (size_t i = 0; i < old.stack.size() && i < current.stack.size(); ++i)
      if (old.stack[i].is_spill() && current.stack[i].is_spill())
        widen(old.stack[i].spilled, current.stack[i].spilled);
  }
}

}  // namespace skep::verifier
