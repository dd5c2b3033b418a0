#include "verifier/prune/precision.h"

#include <bit>

#include "verifier/log/print_state.h"

namespace skep::verifier {
namespace {

using isa::Operation;

constexpr uint32_t kArgumentMask = 0x3e;  // r1..r5

// Registers and stack slots, by frame, whose origin is looked for.
struct Wanted {
  int frame = 0;
  uint32_t regs[kMaxFrames] = {};
  uint64_t slots[kMaxFrames] = {};

  bool empty() const {
    for (int i = 0; i <= frame; ++i)
      if (regs[i] || slots[i]) return false;
    return true;
  }
  bool has(int reg) const { return regs[frame] >> reg & 1; }
  void set(int reg) { regs[frame] |= 1u << reg; }
  void clear(int reg) { regs[frame] &= ~(1u << reg); }
};

enum class Step : uint8_t { kGoOn, kGiveUp };  // kGiveUp: not followed; everything must count as precise

void include_linked(Wanted& w, const JumpEntry* entry) {
  if (!entry || entry->linked.count == 0) return;
  const auto is_wanted = [&](const LinkedReg& l) {
    return l.is_reg ? (w.regs[l.frame] >> l.index & 1) != 0 : (w.slots[l.frame] >> l.index & 1) != 0;
  };
  bool any = false;
  for (int i = 0; i < entry->linked.count; ++i) any |= is_wanted(entry->linked.items[static_cast<size_t>(i)]);
  if (!any) return;
  for (int i = 0; i < entry->linked.count; ++i) {
    const LinkedReg& l = entry->linked.items[static_cast<size_t>(i)];
    l.is_reg ? void(w.regs[l.frame] |= 1u << l.index) : void(w.slots[l.frame] |= uint64_t{1} << l.index);
  }
}

Step through_call(Context& c, Wanted& w, int32_t at) {
  const int sub = c.subprog_at(at + c.insn(at).imm + 1);
  if (sub >= 0 && c.subprogs[static_cast<size_t>(sub)].is_global) {
    w.clear(0);
    return w.regs[w.frame] & kArgumentMask ? Step::kGiveUp : Step::kGoOn;
  }
  // Leaving the callee backwards: its arguments were the caller's.
  if ((w.regs[w.frame] & ~kArgumentMask) || w.slots[w.frame] || w.frame == 0) return Step::kGiveUp;
  w.regs[w.frame - 1] |= w.regs[w.frame] & kArgumentMask;
  w.regs[w.frame] = 0;
  --w.frame;
  return Step::kGoOn;
}

Step through_exit(Context& c, Wanted& w, int32_t next) {
  // r1..r5 do not survive the call; who wants them was not followed right.
  if (w.regs[w.frame] & kArgumentMask) return Step::kGiveUp;
  const bool result = next >= 1 && is_subprog_call(c.insn_info(next - 1).desc) && w.has(0);
  w.clear(0);
  if (w.frame + 1 >= kMaxFrames) return Step::kGiveUp;
  ++w.frame;
  w.regs[w.frame] = 0;
  w.slots[w.frame] = 0;
  if (result) w.set(0);
  return Step::kGoOn;
}

Step through_memory(Wanted& w, const isa::Insn& insn, const isa::InsnDesc& d, const JumpEntry* entry) {
  const bool stack = entry && entry->flags & kStackAccess;
  const bool load = d.operation == Operation::kLoad || d.operation == Operation::kLoadSx ||
                    d.operation == Operation::kLoadAcquire;
  if (load) {
    if (!w.has(insn.dst)) return Step::kGoOn;
    w.clear(insn.dst);
    if (stack) w.slots[entry->frame] |= uint64_t{1} << entry->slot;
    return Step::kGoOn;
  }
  if (w.has(insn.dst)) return Step::kGiveUp;
  if (d.operation >= Operation::kAtomicFetchAdd && d.operation <= Operation::kAtomicCmpxchg) {
    const int result = d.operation == Operation::kAtomicCmpxchg ? 0 : insn.src;
    if (w.has(result)) return Step::kGiveUp;
  }
  if (!stack || !(w.slots[entry->frame] >> entry->slot & 1)) return Step::kGoOn;
  w.slots[entry->frame] &= ~(uint64_t{1} << entry->slot);
  if (d.source == isa::Source::kReg) w.set(insn.src);
  return Step::kGoOn;
}

Step through_alu(Wanted& w, const isa::Insn& insn, const isa::InsnDesc& d) {
  if (!w.has(insn.dst)) return Step::kGoOn;
  const bool move = d.operation == Operation::kMov || d.operation == Operation::kMovsx;
  if (move) w.clear(insn.dst);
  if (d.source == isa::Source::kReg && insn.src != kFramePointer) w.set(insn.src);
  return Step::kGoOn;
}

// Goes back over one instruction; `next` is the one executed after it.
Step step_back(Context& c, Wanted& w, int32_t at, int32_t next, const JumpEntry* entry) {
  const isa::InsnDesc* d = c.insn_info(at).desc;
  if (!d) return Step::kGoOn;  // second slot of a wide load
  const isa::Insn& insn = c.insn(at);
  if (c.log.detailed()) {
    c.log.print("mark_precise: frame{}: regs={} stack={} before {}: ", w.frame, register_set(w.regs[w.frame]),
                slot_set(w.slots[w.frame]), at);
    print_insn(c, at);
  }
  include_linked(w, entry);
  Step step = Step::kGoOn;
  switch (d->operation) {
    case Operation::kLoadImm64:
      w.clear(insn.dst);
      break;
    case Operation::kLoadAbs:
    case Operation::kLoadInd:
      // Followed by something else than the next instruction, it left the function.
      if (w.has(0) || next != at + 1) return Step::kGiveUp;
      break;
    case Operation::kLoad:
    case Operation::kLoadSx:
    case Operation::kStore:
    case Operation::kLoadAcquire:
    case Operation::kStoreRelease:
      step = through_memory(w, insn, *d, entry);
      break;
    case Operation::kCallSubprog:
      return through_call(c, w, at);
    case Operation::kCallHelper:
    case Operation::kCallKfunc:
      w.clear(0);
      if (w.regs[w.frame] & kArgumentMask) return Step::kGiveUp;
      break;
    case Operation::kExit:
      return through_exit(c, w, next);
    case Operation::kJump:
    case Operation::kMayGoto:
    case Operation::kNeg:
    case Operation::kToLe:
    case Operation::kToBe:
    case Operation::kBswap:
      break;
    default:
      if (d->is_atomic_rmw()) {
        step = through_memory(w, insn, *d, entry);
      } else if (d->is_conditional()) {
        if (d->source == isa::Source::kReg && (w.has(insn.dst) || w.has(insn.src))) {
          if (!entry || !(entry->flags & kSrcIsStackPointer)) w.set(insn.src);
          if (!entry || !(entry->flags & kDstIsStackPointer)) w.set(insn.dst);
        }
      } else {
        step = through_alu(w, insn, *d);
      }
  }
  if (step == Step::kGoOn) include_linked(w, entry);
  return step;
}

// The instruction executed before `at`, -1 when the state began there. `history` counts the entries left.
int32_t previous_of(const VerifierState& state, int32_t at, size_t& history, bool& begun) {
  if (at == state.first_insn) {
    if (history == 0 || (history == 1 && state.history[0].insn == at)) {
      begun = true;
      return -1;
    }
  }
  if (history && state.history[history - 1].insn == at) return state.history[--history].previous;
  return at - 1;
}

void everything_precise(Context& c, VerifierState& from) {
  if (c.log.detailed())
    c.log.print("mark_precise: frame{}: falling back to forcing all scalars precise\n", from.depth());
  for (VerifierState* state = from.parent; state; state = state->parent)
    for_each_reg(*state, [](RegState& r) {
      if (r.is_scalar()) r.precise = true;
    });
}

// Marks what is wanted in a checkpoint; what was precise before is no longer wanted.
void mark_in_checkpoint(Context& c, Wanted& w, VerifierState& state) {
  for (int f = w.frame; f >= 0; --f) {
    if (f > state.depth()) continue;
    Frame& frame = state.frames[static_cast<size_t>(f)];
    for (uint32_t m = w.regs[f]; m; m &= m - 1) {
      const int i = std::countr_zero(m);
      RegState& r = frame.regs[static_cast<size_t>(i)];
      if (!r.is_scalar() || r.precise) w.regs[f] &= ~(1u << i);
      if (r.is_scalar()) r.precise = true;
    }
    for (uint64_t m = w.slots[f]; m; m &= m - 1) {
      const int i = std::countr_zero(m);
      const bool there = static_cast<size_t>(i) < frame.stack.size() &&
                         frame.stack[static_cast<size_t>(i)].is_scalar_spill();
      if (!there || frame.stack[static_cast<size_t>(i)].spilled.precise) w.slots[f] &= ~(uint64_t{1} << i);
      if (there) frame.stack[static_cast<size_t>(i)].spilled.precise = true;
    }
    if (c.log.detailed()) {
      c.log.print("mark_precise: frame{}: parent state regs={} stack={}: ", f, register_set(w.regs[f]),
                  slot_set(w.slots[f]));
      print_state(c, state, f, true);
    }
  }
}

// A global function verified on its own: its arguments have no origin.
bool reached_function_entry(Wanted& w, VerifierState& state) {
  const Frame& first = state.frames[0];
  if (state.depth() != 0 || first.subprog == 0 || w.slots[0] || (w.regs[0] & ~kArgumentMask)) return false;
  for (uint32_t m = w.regs[0]; m; m &= m - 1) {
    RegState& r = state.frames[0].regs[static_cast<size_t>(std::countr_zero(m))];
    if (r.is_scalar()) r.precise = true;
  }
  return true;
}

Check track(Context& c, Wanted& w, VerifierState& start) {
  if (!c.privileged || w.empty()) return {};
  VerifierState* state = &start;
  int32_t last = c.insn_index, next = -1;
  bool skip_first = true;
  while (true) {
    size_t history = state->history.size();
    if (c.log.detailed())
      c.log.print("mark_precise: frame{}: last_idx {} first_idx {} subseq_idx {} \n", w.frame, last,
                  state->first_insn, next);
    if (last < 0) {
      if (!reached_function_entry(w, *state)) everything_precise(c, start);
      return {};
    }
    const int32_t first = state->first_insn;
    for (int32_t at = last;;) {
      if (skip_first) {
        skip_first = false;
      } else {
        const JumpEntry* entry =
            history && state->history[history - 1].insn == at ? &state->history[history - 1] : nullptr;
        if (step_back(c, w, at, next, entry) == Step::kGiveUp) {
          everything_precise(c, start);
          return {};
        }
      }
      if (w.empty()) return {};
      next = at;
      bool begun = false;
      at = previous_of(*state, at, history, begun);
      if (begun) break;
      if (at < 0 || at >= c.insn_count()) {
        everything_precise(c, start);
        return {};
      }
    }
    const int32_t last_of_state = state->parent ? state->parent->last_insn : -1;
    state = state->parent;
    if (!state) break;
    mark_in_checkpoint(c, w, *state);
    if (w.empty()) return {};
    next = first;
    last = last_of_state;
  }
  everything_precise(c, start);
  return {};
}

}  // namespace

Check mark_precise(Context& c, int reg) {
  Wanted w;
  w.frame = c.state->depth();
  w.set(reg);
  return track(c, w, *c.state);
}

Check mark_slot_precise(Context& c, uint32_t frame, int slot) {
  Wanted w;
  w.frame = c.state->depth();
  w.slots[frame] |= uint64_t{1} << slot;
  return track(c, w, *c.state);
}

Check propagate_precision(Context& c, const VerifierState& old, VerifierState& current) {
  Wanted w;
  w.frame = current.depth();
  for (int f = old.depth(); f >= 0; --f) {
    const Frame& frame = old.frames[static_cast<size_t>(f)];
    bool first = true;
    const auto note = [&](const std::string& what) {
      if (c.log.detailed())
        first ? c.log.print("frame {}: propagating {}", f, what) : c.log.print(",{}", what);
      first = false;
    };
    for (int i = 0; i < kFramePointer; ++i) {
      const RegState& r = frame.regs[static_cast<size_t>(i)];
      if (!r.is_scalar() || !r.precise) continue;
      note(fmt::format("r{}", i));
      w.regs[f] |= 1u << i;
    }
    for (size_t i = 0; i < frame.stack.size(); ++i) {
      if (!frame.stack[i].is_scalar_spill() || !frame.stack[i].spilled.precise) continue;
      note(fmt::format("fp{}", -(static_cast<int>(i) + 1) * kSlotBytes));
      w.slots[f] |= uint64_t{1} << i;
    }
    if (!first && c.log.detailed()) c.log.print("\n");
  }
  return track(c, w, current);
}

}  // namespace skep::verifier
