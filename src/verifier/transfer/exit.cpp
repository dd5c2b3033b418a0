// The end of a function: back to the caller, or out of the program with a return value in range.
#include "verifier/log/print_state.h"
#include "verifier/prune/precision.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {

Check return_to_caller(Context& c) {
  const Frame callee = std::move(c.state->frames.back());
  if (callee.regs[0].is(RegKind::kStack))
    return c.reject(EINVAL, "cannot return stack pointer to the caller");
  if (c.log.any()) {
    c.state->frames.back() = callee;
    c.state->frames[callee.number - 1].regs[0] = callee.regs[0];
    c.log.print("returning from callee:\n");
    print_state(c, *c.state, static_cast<int>(callee.number), true);
    c.log.print("to caller at {}:\n", callee.callsite + 1);
    print_state(c, *c.state, static_cast<int>(callee.number) - 1, true);
  }
  c.state->frames.pop_back();
  c.reg(0) = callee.regs[0];
  c.insn_index = callee.callsite;
  return {};
}

Check check_return_value(Context& c) {
  const uint32_t sub = c.state->frames[0].subprog;
  SKEP_REQUIRE(require_readable(c, 0));
  const RegState& r0 = c.reg(0);
  if (leaks_pointer(c, r0)) return c.reject(EACCES, "R0 leaks addr as return value");
  if (sub != 0) {
    if (!r0.is_scalar())
      return c.reject(EINVAL, "At subprogram exit the register R0 is not a scalar value ({})",
                      type_name(r0.kind, r0.flags));
    return {};
  }
  const progtypes::ReturnRange range = progtypes::return_range(*c.request.type, c.attach_type);
  if (!range.enforced) return {};
  if (!r0.is_scalar())
    return c.reject(EINVAL, "At program exit the register R0 is not a known value ({})",
                    type_name(r0.kind, r0.flags));
  SKEP_REQUIRE(mark_precise(c, 0));
  const Bounds& b = r0.bounds;
  if (b.smin >= range.low && b.smax <= range.high) return {};
  std::string known;
  if (b.smin > kS64Min) known += fmt::format(" smin={}", b.smin);
  if (b.smax < kS64Max) known += fmt::format(" smax={}", b.smax);
  if (known.empty()) known = " unknown scalar value";
  return c.reject(EINVAL, "At program exit the register R0 has{} should have been in [{}, {}]", known,
                  range.low, range.high);
}

Check do_exit(Context& c, bool* path_ended) {
  if (c.state->depth() > 0) return return_to_caller(c);
  SKEP_REQUIRE(no_leaked_references(c, "BPF_EXIT instruction in main prog"));
  SKEP_REQUIRE(check_return_value(c));
  *path_ended = true;
  return {};
}

}  // namespace skep::verifier
