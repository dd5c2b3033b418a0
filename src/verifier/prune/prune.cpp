#include "verifier/prune/prune.h"

#include <algorithm>

#include "verifier/log/print_state.h"
#include "verifier/prune/history.h"
#include "verifier/prune/precision.h"
#include "verifier/prune/stack_liveness.h"

namespace skep::verifier {
namespace {

bool same_callsites(const VerifierState& a, const VerifierState& b) {
  if (a.depth() != b.depth()) return false;
  for (size_t i = 0; i < a.frames.size(); ++i)
    if (a.frames[i].callsite != b.frames[i].callsite) return false;
  return true;
}

// Cheap test before the thorough one: an endless loop comes back with the same registers.
bool maybe_looping(const VerifierState& old, const VerifierState& current) {
  if (old.depth() != current.depth()) return false;
  for (size_t i = 0; i < isa::kRegisterCount; ++i)
    if (!registers_exact(old.current().regs[i], current.current().regs[i])) return false;
  return true;
}

// Values recomputed after the checkpoint are followed anew.
void forget_precision(VerifierState& state) {
  for_each_reg(state, [](RegState& r) {
    if (r.is_scalar()) r.precise = false;
  });
}

// A state covered by one whose own paths are not finished: what will still be found precise there is not
// known here, so the states between compare ranges as a whole from now on.
void mark_loop(VerifierState* state) {
  for (; state; state = state->parent) state->used_as_loop_entry = true;
}

}  // namespace

ExploredStates::Bucket& ExploredStates::bucket(const Context& c, int32_t insn) {
  const auto callsite = static_cast<uint32_t>(c.state->current().callsite);
  return buckets_[(static_cast<uint32_t>(insn) ^ callsite) % buckets_.size()];
}

void ExploredStates::note_peak(Context& c) {
  c.stats.peak_states = std::max(c.stats.peak_states, static_cast<uint32_t>(live_ + retired_.size()));
}

// Forgets what a finished state holds but nobody reads, so that it covers more.
void ExploredStates::clean(Context& c, Bucket& states) {
  for (auto& checkpoint : states) {
    VerifierState& s = checkpoint->state;
    if (s.branches || s.cleaned || s.insn != c.insn_index || !same_callsites(s, *c.state) ||
        s.used_as_loop_entry)
      continue;
    s.cleaned = true;
    for (int f = 0; f <= s.depth(); ++f) {
      Frame& frame = s.frames[static_cast<size_t>(f)];
      const uint16_t live = c.insn_info(s.insn_of_frame(f)).live_registers;
      for (int r = 0; r < kFramePointer; ++r)
        if (!(live >> r & 1)) frame.regs[static_cast<size_t>(r)] = RegState{};
      for (size_t i = 0; i < frame.stack.size(); ++i)
        if (!c.liveness->alive(c, s, f, static_cast<int>(i))) frame.stack[i] = StackSlot{};
    }
  }
}

void ExploredStates::add(Context& c, Bucket& states) {
  VerifierState& current = *c.state;
  ++c.stats.total_states;
  ++live_;
  note_peak(c);
  c.previous_jumps = c.jumps_processed;
  c.previous_insns = c.stats.insns_processed;
  if (c.privileged) forget_precision(current);
  auto checkpoint = std::make_unique<Checkpoint>();
  checkpoint->state = current;
  checkpoint->state.insn = c.insn_index;
  checkpoint->state.branches = 1;
  checkpoint->state.cleaned = checkpoint->state.used_as_loop_entry = false;
  enter_loop(c, checkpoint->state);
  current.parent = &checkpoint->state;
  current.first_insn = c.insn_index;
  current.history.clear();
  c.current_history_entry = -1;
  states.push_front(std::move(checkpoint));
}

Check ExploredStates::visit(Context& c, bool* safe) {
  VerifierState& current = *c.state;
  const int32_t insn = c.insn_index;
  const InsnInfo& info = c.insn_info(insn);
  const bool force = c.test_state_freq || info.force_checkpoint || current.history.size() > 40;
  const uint32_t jumps = c.jumps_processed - c.previous_jumps;
  const uint32_t insns = c.stats.insns_processed - c.previous_insns;
  bool add_state = force || (jumps >= 2 && insns >= 8);
  uint32_t seen = 0;
  Bucket& states = bucket(c, insn);
  clean(c, states);
  for (auto it = states.begin(); it != states.end();) {
    Checkpoint& checkpoint = **it;
    VerifierState& old = checkpoint.state;
    ++seen;
    if (old.insn != insn) {
      ++it;
      continue;
    }
    bool hit = false, loop = false;
    if (old.branches) {
      const bool may_goto = info.desc->operation == isa::Operation::kMayGoto;
      if (may_goto && old.may_goto_depth != current.may_goto_depth &&
          states_equal(c, old, current, Exactness::kRangeWithin)) {
        hit = loop = true;
      } else {
        if (maybe_looping(old, current) && states_equal(c, old, current, Exactness::kExact) &&
            old.may_goto_depth == current.may_goto_depth &&
            old.callback_unroll_depth == current.callback_unroll_depth) {
          print_source_line(c, insn, "; ");
          const Check refused = c.reject(EINVAL, "infinite loop detected at insn {}", insn);
          c.log.print("cur state:");
          print_state(c, current, current.depth(), true);
          c.log.print("old state:");
          print_state(c, old, old.depth(), true);
          return refused;
        }
        // Iterations of a loop differ: a checkpoint for each would cost more than it saves.
        if (!force && jumps < 20 && insns < 100) add_state = false;
      }
    } else {
      loop = old.used_as_loop_entry;
      hit = states_equal(c, old, current, loop ? Exactness::kRangeWithin : Exactness::kNotExact);
    }
    if (hit) {
      ++checkpoint.hits;
      if (info.jump_point) push_history(c, current, {});
      SKEP_REQUIRE(propagate_precision(c, old, current));
      if (loop) mark_loop(current.parent);
      *safe = true;
      return {};
    }
    if (add_state) ++checkpoint.misses;
    const uint32_t patience = info.force_checkpoint && old.branches > 0 ? 64 : 3;
    if (checkpoint.misses > checkpoint.hits * patience + patience) {
      --live_;
      if (old.branches) retired_.push_back(std::move(*it));
      it = states.erase(it);
      continue;
    }
    ++it;
  }
  c.stats.max_states_per_insn = std::max(c.stats.max_states_per_insn, seen);
  if (!c.privileged && seen > kMaxStatesUnprivileged) return {};
  if (add_state) add(c, states);
  return {};
}

namespace {

// The calls down to the outermost loop that a state is in, then the loop; empty: in none.
std::vector<int32_t> loop_of(const Context& c, const VerifierState& state) {
  std::vector<int32_t> chain;
  for (int f = 0; f <= state.depth(); ++f) {
    const int32_t insn = state.insn_of_frame(f);
    const uint32_t loop = c.info[static_cast<size_t>(insn)].loop;
    chain.push_back(loop ? static_cast<int32_t>(loop) : insn);
    if (loop) return chain;
  }
  return {};
}

std::string chain_text(const std::vector<int32_t>& chain) {
  return fmt::format("({})", fmt::join(chain, ","));
}

}  // namespace

void ExploredStates::enter_loop(Context& c, VerifierState& state) {
  std::vector<int32_t> chain = loop_of(c, state);
  if (chain.empty()) return;
  for (const auto& [known, entry] : loops_)
    if (known == chain) return;
  if (c.log.detailed()) c.log.print("SCC enter {}\n", chain_text(chain));
  loops_.emplace_back(std::move(chain), &state);
}

void ExploredStates::leave_loop(Context& c, const VerifierState& state) {
  std::erase_if(loops_, [&](const auto& loop) {
    if (loop.second != &state) return false;
    if (c.log.detailed()) c.log.print("SCC exit {}\n", chain_text(loop.first));
    return true;
  });
}

void ExploredStates::path_ended(Context& c, VerifierState* state) {
  while (state) {
    if (--state->branches) return;
    leave_loop(c, *state);
    VerifierState* parent = state->parent;
    std::erase_if(retired_, [state](const auto& checkpoint) { return &checkpoint->state == state; });
    state = parent;
  }
}

void ExploredStates::clear() {
  for (Bucket& b : buckets_) b.clear();
  retired_.clear();
  loops_.clear();
}

}  // namespace skep::verifier
