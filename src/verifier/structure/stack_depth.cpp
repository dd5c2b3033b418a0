// How much stack the deepest chain of calls takes: 512 bytes together, 256 in frames below a tail call, 8
// frames.
#include <algorithm>

#include "abi/insn.h"
#include "verifier/structure/structure.h"

namespace skep::verifier {
namespace {

constexpr int kMaxStack = 512;

// As Linux rounds with its JIT on x86-64; a frame that uses no stack takes none.
int rounded_depth(uint32_t depth) { return static_cast<int>((depth + 15) / 16 * 16); }

struct Step {
  int subprog;
  int32_t insn;  // where to go on
  int32_t return_insn;
};

// Follows every chain of calls from `start` depth first; no recursion in the program can make it endless,
// since a chain longer than kMaxFrames is refused.
Check check_from(Context& c, int start, bool& tail_call_reachable) {
  std::vector<Step> chain{{start, static_cast<int32_t>(c.subprogs[static_cast<size_t>(start)].start), 0}};
  int depth = 0;
  const auto enter = [&](int sub) -> Check {
    depth += rounded_depth(c.subprogs[static_cast<size_t>(sub)].stack_depth);
    if (depth > kMaxStack)
      return c.reject(EACCES, "combined stack size of {} calls is {}. Too large", chain.size(), depth);
    return {};
  };
  SKEP_REQUIRE(enter(start));
  while (!chain.empty()) {
    Step& step = chain.back();
    const auto end = static_cast<int32_t>(c.subprogs[static_cast<size_t>(step.subprog) + 1].start);
    int callee = -1;
    for (; step.insn < end && callee < 0; ++step.insn) {
      const isa::InsnDesc* d = c.insn_info(step.insn).desc;
      if (is_subprog_call(d) || (d && d->op == isa::Op::kLoadImm64Func))
        callee = c.subprog_at(step.insn + c.insn(step.insn).imm + 1);
    }
    if (callee < 0) {
      depth -= rounded_depth(c.subprogs[static_cast<size_t>(step.subprog)].stack_depth);
      chain.pop_back();
      continue;
    }
    const SubprogInfo& target = c.subprogs[static_cast<size_t>(callee)];
    // A tail call from a deep frame starts the next program with what is left of the stack.
    if (target.has_tail_call) {
      tail_call_reachable = true;
      for (const Step& s : chain) c.subprogs[static_cast<size_t>(s.subprog)].tail_call_reachable = true;
    }
    if (depth >= 256 && target.has_tail_call)
      return c.reject(EACCES,
                      "tail_calls are not allowed when call stack of previous frames is {} bytes. Too large",
                      depth);
    if (chain.size() >= static_cast<size_t>(kMaxFrames))
      return c.reject(E2BIG, "the call stack of {} frames is too deep !", chain.size() + 1);
    chain.push_back({callee, static_cast<int32_t>(target.start), 0});
    SKEP_REQUIRE(enter(callee));
  }
  return {};
}

}  // namespace

Check check_stack_depth(Context& c) {
  for (uint32_t i = 0; i < c.subprog_count(); ++i) {
    // Functions verified on their own may be entered from outside as well (callbacks, global functions).
    if (i != 0 && !c.subprogs[i].is_callback) continue;
    bool tail_call_reachable = false;
    SKEP_REQUIRE(check_from(c, static_cast<int>(i), tail_call_reachable));
  }
  return {};
}

}  // namespace skep::verifier
