#include "verifier/explore.h"

#include "verifier/log/print_state.h"
#include "verifier/prune/history.h"
#include "verifier/prune/prune.h"
#include "verifier/prune/stack_liveness.h"
#include "verifier/structure/structure.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

using isa::Operation;

Check load_constant(Context& c) {
  const isa::Insn insn = c.insn(c.insn_index);
  const InsnInfo& info = c.insn_info(c.insn_index);
  SKEP_REQUIRE(require_writable(c, insn.dst));
  RegState& dst = c.reg(insn.dst);
  if (info.load_kind == RegKind::kScalar) {
    dst = RegState::constant(info.load_address);
  } else {
    dst = RegState::pointer(info.load_kind);
    dst.map = info.map;
    dst.off = static_cast<int32_t>(info.map_offset);
    dst.subprog = info.load_subprog;
    if (info.load_kind == RegKind::kFunc) {
      if (c.func_info.empty()) return c.reject(EINVAL, "missing btf func_info");
      if (c.subprogs[info.load_subprog].is_global) return c.reject(EINVAL, "callback function not static");
    }
  }
  c.insn_index++;  // over the second slot
  return {};
}

class Explorer {
 public:
  Explorer(Context& c) : c_(c), explored_(c.insns.size()) {}

  Check run(uint32_t subprog) {
    start(subprog);
    if (subprog != 0) SKEP_REQUIRE(describe_arguments(subprog));
    const Check verdict = follow_all();
    c_.state.reset();
    c_.pending.clear();
    explored_.clear();
    if (verdict.ok() && !c_.log.detailed()) c_.log.reset_to(0);
    return verdict;
  }

 private:
  void start(uint32_t subprog) {
    c_.state = std::make_unique<VerifierState>();
    c_.state->frames.push_back(make_frame(subprog, -1, 0));
    c_.state->first_insn = static_cast<int32_t>(c_.subprogs[subprog].start);
    c_.state->last_insn = -1;
    c_.insn_index = c_.state->first_insn;
    c_.previous_insn = -1;
    c_.previous_line = nullptr;
    c_.scratch_all();
    if (subprog == 0) c_.reg(1) = RegState::pointer(RegKind::kContext);
  }

  Check describe_arguments(uint32_t subprog) {
    SubprogInfo& sub = c_.subprogs[subprog];
    c_.log.print("Validating {}() func#{}...\n", sub.name, subprog);
    SKEP_REQUIRE(learn_arguments(c_, subprog));
    for (size_t i = 0; i < sub.arguments.size(); ++i) {
      const SubprogInfo::Argument& arg = sub.arguments[i];
      RegState& r = c_.reg(static_cast<int>(i) + 1);
      switch (arg.kind) {
        case SubprogInfo::Argument::kContext:
          r = RegState::pointer(RegKind::kContext);
          break;
        case SubprogInfo::Argument::kAnything:
          set_unknown(c_, r);
          break;
        case SubprogInfo::Argument::kMemory:
          r = RegState::pointer(RegKind::kMem, arg.maybe_null ? kPtrMaybeNull : 0);
          r.mem_size = arg.mem_size;
          if (arg.maybe_null) r.id = c_.new_id();
          break;
        default:
          return c_.reject(EINVAL, "arg#{} has a type that is not supported", i);
      }
    }
    return {};
  }

  Check follow_all() {
    bool show_state = false;
    for (;;) {
      bool ended = false;
      SKEP_REQUIRE(step(&show_state, &ended));
      if (!ended) continue;
      if (!next_path()) return {};
      show_state = true;
    }
  }

  // The path has ended: the next one that waits, if any.
  bool next_path() {
    c_.scratch_all();
    explored_.path_ended(c_, c_.state->parent);
    if (c_.pending.empty()) return false;
    PendingPath path = std::move(c_.pending.back());
    c_.pending.pop_back();
    c_.state = std::move(path.state);
    if (!c_.log.detailed()) c_.log.reset_to(path.log_position);
    c_.insn_index = path.insn;
    c_.previous_insn = path.previous;
    return true;
  }

  Check step(bool* show_state, bool* ended) {
    c_.current_history_entry = -1;
    VerifierState& state = *c_.state;
    if (c_.insn_index < 0 || c_.insn_index >= c_.insn_count())
      return c_.internal_error(
          fmt::format("invalid insn idx {} insn_cnt {}", c_.insn_index, c_.insn_count()).c_str());
    if (++c_.stats.insns_processed > kMaxProcessed)
      return c_.reject(E2BIG, "BPF program is too large. Processed {} insn", c_.stats.insns_processed);
    state.last_insn = c_.previous_insn;
    state.insn = c_.insn_index;
    InsnInfo& info = c_.insn_info(c_.insn_index);
    if (info.prune_point) {
      bool safe = false;
      SKEP_REQUIRE(explored_.visit(c_, &safe));
      if (safe) {
        note_safe(*show_state);
        *ended = true;
        return {};
      }
    }
    if (info.jump_point) push_history(c_, state, {});
    log_insn(show_state);
    info.seen = true;
    const int32_t previous = c_.insn_index;
    c_.liveness->begin_insn(c_);
    SKEP_REQUIRE(execute(ended, show_state));
    c_.liveness->end_insn();
    c_.previous_insn = previous;
    c_.insn_index++;
    return {};
  }

  void note_safe(bool show_state) {
    if (!c_.log.any()) return;
    if (show_state)
      c_.log.print("\nfrom {} to {}: safe\n", c_.previous_insn, c_.insn_index);
    else
      c_.log.print("{}: safe\n", c_.insn_index);
  }

  void log_insn(bool* show_state) {
    if (!c_.log.any()) return;
    VerifierState& state = *c_.state;
    if (c_.log.detailed() && *show_state) {
      c_.log.print("\nfrom {} to {}:", c_.previous_insn, c_.insn_index);
      print_state(c_, state, state.depth(), true);
      *show_state = false;
    }
    if (c_.scratched_regs || c_.scratched_slots) print_insn_state(c_, state, state.depth());
    print_source_line(c_, c_.insn_index, "; ");
    c_.previous_log_position = c_.log.position();
    c_.log.print("{}: ", c_.insn_index);
    print_insn(c_, c_.insn_index);
    c_.previous_insn_print_length = c_.log.position() - c_.previous_log_position;
    c_.previous_log_position = c_.log.position();
  }

  Check execute(bool* ended, bool* show_state) {
    const isa::Insn insn = c_.insn(c_.insn_index);
    const isa::InsnDesc* d = c_.insn_info(c_.insn_index).desc;
    if (is_jump(insn)) ++c_.jumps_processed;
    const bool packet_load =
        d && (d->operation == Operation::kLoadAbs || d->operation == Operation::kLoadInd);
    if (!packet_load) SKEP_REQUIRE(reserved_fields(c_, insn, d));
    switch (d->operation) {
      case Operation::kLoadImm64:
        return load_constant(c_);
      case Operation::kLoadAbs:
      case Operation::kLoadInd:
        return do_packet_load(c_);
      case Operation::kLoad:
        return do_load(c_, false);
      case Operation::kLoadSx:
        return do_load(c_, true);
      case Operation::kStore:
        return do_store(c_);
      case Operation::kJump:
        c_.insn_index = static_cast<int32_t>(isa::jump_target(*d, insn, c_.insn_index)) - 1;
        return {};
      case Operation::kCallHelper:
        return do_helper_call(c_);
      case Operation::kCallSubprog:
        return do_subprog_call(c_);
      case Operation::kCallKfunc:
        return c_.reject(EINVAL, "calling kernel functions is not supported");
      case Operation::kExit:
        if (c_.state->depth() > 0) *show_state = true;
        return do_exit(c_, ended);
      default:
        break;
    }
    if (d->is_conditional()) return do_conditional_jump(c_);
    if (d->is_atomic_rmw() || d->operation == Operation::kLoadAcquire ||
        d->operation == Operation::kStoreRelease)
      return do_atomic(c_);
    if (d->operation <= Operation::kBswap) return do_alu(c_);
    return c_.reject(EINVAL, "unknown insn class {}", insn.code & 7);
  }

  static bool is_jump(const isa::Insn& insn) { return (insn.code & 7) == 5 || (insn.code & 7) == 6; }

  Context& c_;
  ExploredStates explored_;
};

}  // namespace

VerifierState* push_path(Context& c, int32_t insn, int32_t previous) {
  PendingPath path;
  path.state = std::make_unique<VerifierState>(*c.state);
  path.insn = insn;
  path.previous = previous;
  path.log_position = c.log.position();
  VerifierState* state = path.state.get();
  c.pending.push_back(std::move(path));
  if (c.pending.size() > kMaxPendingJumps) {
    (void)c.reject(EFAULT, "The sequence of {} jumps is too complex.", c.pending.size());
    return nullptr;
  }
  if (state->parent) ++state->parent->branches;
  return state;
}

Check explore_program(Context& c) {
  c.liveness = std::make_unique<StackLiveness>();
  Explorer explorer(c);
  c.subprogs[0].called = true;
  SKEP_REQUIRE(explorer.run(0));
  for (bool more = true; more;) {
    more = false;
    for (uint32_t i = 1; i < c.subprog_count(); ++i) {
      SubprogInfo& sub = c.subprogs[i];
      if (!sub.is_global || !sub.called || sub.verified) continue;
      SKEP_REQUIRE(explorer.run(i));
      if (c.log.any())
        c.log.print("Func#{} ('{}') is safe for any args that match its prototype\n", i, sub.name);
      sub.verified = more = true;
    }
  }
  return {};
}

}  // namespace skep::verifier
