// Reachability: every instruction is reached, none jumps into a wide load; marks where states may be compared
// (prune points) and where the history of jumps is kept (jump points). Depth first, without recursion.
#include "helpers/proto.h"
#include "verifier/log/print_state.h"
#include "verifier/structure/structure.h"

namespace skep::verifier {
namespace {

using isa::Operation;

enum Mark : uint8_t { kUnseen = 0, kDiscovered = 0x10, kExplored = 0x20, kFallthrough = 1, kBranch = 2 };

class Walker {
 public:
  explicit Walker(Context& c) : c_(c), marks_(c.insns.size()) {}

  Check walk_from(int32_t start) {
    marks_[static_cast<size_t>(start)] = kDiscovered;
    stack_.push_back(start);
    while (!stack_.empty()) {
      const int32_t at = stack_.back();
      bool deeper = false;
      SKEP_REQUIRE(visit(at, deeper));
      if (deeper) continue;
      marks_[static_cast<size_t>(at)] = kExplored;
      stack_.pop_back();
    }
    return {};
  }

  Check all_reached() {
    for (int32_t i = 0; i < c_.insn_count(); ++i) {
      if (marks_[static_cast<size_t>(i)] != kExplored) return c_.reject(EINVAL, "unreachable insn {}", i);
      if (c_.insn_info(i).load_kind == RegKind::kNotInit) continue;
      if (marks_[static_cast<size_t>(i) + 1] != 0)
        return c_.reject(EINVAL, "jump into the middle of ldimm64 insn {}", i);
      ++i;
    }
    return {};
  }

 private:
  Check push(int32_t from, int64_t to, Mark edge, bool& deeper) {
    uint8_t& mark = marks_[static_cast<size_t>(from)];
    if (edge == kFallthrough && mark >= (kDiscovered | kFallthrough)) return {};
    if (edge == kBranch && mark >= (kDiscovered | kBranch)) return {};
    if (to < 0 || to >= c_.insn_count()) {
      print_source_line(c_, from, fmt::format("{}: ", from));
      return c_.reject(EINVAL, "jump out of range from insn {} to {}", from, to);
    }
    const auto target = static_cast<int32_t>(to);
    if (edge == kBranch) prune_and_jump(target);
    uint8_t& target_mark = marks_[static_cast<size_t>(target)];
    if (target_mark == kUnseen) {
      mark = kDiscovered | edge;
      target_mark = kDiscovered;
      stack_.push_back(target);
      deeper = true;
    } else if ((target_mark & 0xf0) == kDiscovered) {
      if (c_.privileged) return {};
      print_source_line(c_, from, fmt::format("{}: ", from));
      print_source_line(c_, target, fmt::format("{}: ", target));
      return c_.reject(EINVAL, "back-edge from insn {} to {}", from, target);
    } else {
      mark = kDiscovered | edge;
    }
    return {};
  }

  Check push_call(int32_t at, int slots, int64_t callee, bool visit_callee, bool& deeper) {
    SKEP_REQUIRE(push(at, at + slots, kFallthrough, deeper));
    if (at + slots < c_.insn_count()) prune_and_jump(at + slots);
    if (!visit_callee || deeper) return {};
    if (callee >= 0 && callee < c_.insn_count()) {
      c_.insn_info(static_cast<int32_t>(callee)).prune_point = true;
      merge_effects(at, static_cast<int32_t>(callee));
    }
    return push(at, callee, kBranch, deeper);
  }

  Check visit(int32_t at, bool& deeper) {
    InsnInfo& info = c_.insn_info(at);
    const isa::InsnDesc* d = info.desc;
    const isa::Insn& insn = c_.insn(at);
    // No row: a keyed field is off. The path that gets here is refused when it is followed.
    if (!d) return visit_unknown(at, insn, deeper);
    if (d->op == isa::Op::kLoadImm64Func) return push_call(at, 2, int64_t{at} + insn.imm + 1, true, deeper);
    switch (d->operation) {
      case Operation::kExit:
        return {};
      case Operation::kCallHelper:
        return visit_helper(at, deeper);
      case Operation::kCallSubprog:
        return push_call(at, 1, int64_t{at} + insn.imm + 1, true, deeper);
      case Operation::kCallKfunc:
        return push_call(at, 1, 0, false, deeper);
      case Operation::kJump: {
        const int64_t target = isa::jump_target(*d, insn, at);
        SKEP_REQUIRE(push(at, target, kFallthrough, deeper));
        if (target >= 0 && target < c_.insn_count()) prune_and_jump(static_cast<int32_t>(target));
        return {};
      }
      default:
        break;
    }
    if (!d->is_conditional()) return push(at, at + isa::slots(*d), kFallthrough, deeper);
    info.prune_point = true;
    if (d->operation == Operation::kMayGoto) info.force_checkpoint = true;
    SKEP_REQUIRE(push(at, at + 1, kFallthrough, deeper));
    if (deeper) return {};
    return push(at, isa::jump_target(*d, insn, at), kBranch, deeper);
  }

  Check visit_helper(int32_t at, bool& deeper) {
    InsnInfo& info = c_.insn_info(at);
    info.helper = helpers::find(static_cast<uint32_t>(c_.insn(at).imm), c_.prog_type, c_.attach_type,
                                c_.request.profile);
    if (info.helper && info.helper->traits & helpers::kCallback) {
      info.calls_callback = info.force_checkpoint = true;
      prune_and_jump(at);
    }
    if (info.helper && info.helper->traits & helpers::kChangesPacketData) {
      const int sub = c_.subprog_containing(at);
      c_.subprogs[static_cast<size_t>(sub)].changes_packet_data = true;
    }
    return push_call(at, 1, 0, false, deeper);
  }

  Check visit_unknown(int32_t at, const isa::Insn& insn, bool& deeper) {
    const bool jumps = (insn.code & 7) == 5 || (insn.code & 7) == 6;
    SKEP_REQUIRE(push(at, at + 1, kFallthrough, deeper));
    if (deeper || !jumps || (insn.code & 0xf0) == 0x80) return {};
    return push(at, int64_t{at} + 1 + insn.off, kBranch, deeper);
  }

  void prune_and_jump(int32_t at) {
    c_.insn_info(at).prune_point = true;
    c_.insn_info(at).jump_point = true;
  }

  void merge_effects(int32_t at, int32_t callee) {
    const int caller_sub = c_.subprog_containing(at), callee_sub = c_.subprog_containing(callee);
    c_.subprogs[static_cast<size_t>(caller_sub)].changes_packet_data |=
        c_.subprogs[static_cast<size_t>(callee_sub)].changes_packet_data;
  }

  Context& c_;
  std::vector<uint8_t> marks_;
  std::vector<int32_t> stack_;
};

}  // namespace

Check check_control_flow(Context& c) {
  Walker walker(c);
  SKEP_REQUIRE(walker.walk_from(0));
  SKEP_REQUIRE(walker.all_reached());
  c.changes_packet_data = c.subprogs[0].changes_packet_data;
  return {};
}

Successors successors(const Context& c, int32_t at) {
  Successors out;
  const isa::InsnDesc* d = c.info[static_cast<size_t>(at)].desc;
  if (!d) {
    if (at + 1 < c.insn_count()) out.add(at + 1);
    return out;
  }
  if (d->operation == Operation::kExit) return out;
  if (d->operation == Operation::kJump) {
    out.add(static_cast<int32_t>(isa::jump_target(*d, c.insn(at), at)));
    return out;
  }
  if (at + isa::slots(*d) < c.insn_count()) out.add(at + isa::slots(*d));
  if (d->is_conditional()) out.add(static_cast<int32_t>(isa::jump_target(*d, c.insn(at), at)));
  return out;
}

}  // namespace skep::verifier
