// The packet loads of classic BPF: the context in r6, the value in r0, the end of the function when out of
// range.
#include "verifier/transfer/transfer.h"

namespace skep::verifier {

Check do_packet_load(Context& c) {
  const isa::Insn insn = c.insn(c.insn_index);
  const isa::InsnDesc& d = c.desc(c.insn_index);
  constexpr int kContextRegister = 6;
  if (!c.request.type->may_ld_abs)
    return c.reject(EINVAL, "BPF_LD_[ABS|IND] instructions not allowed for this program type");
  SKEP_REQUIRE(reserved_fields(c, insn, &d));
  SKEP_REQUIRE(require_readable(c, kContextRegister));
  SKEP_REQUIRE(no_leaked_references(c, "BPF_LD_[ABS|IND]"));
  if (!c.reg(kContextRegister).is(RegKind::kContext))
    return c.reject(EINVAL, "at the time of BPF_LD_ABS|IND R6 != pointer to skb");
  if (d.operation == isa::Operation::kLoadInd) SKEP_REQUIRE(require_readable(c, insn.src));
  SKEP_REQUIRE(pointer_off_is_zero(c, c.reg(kContextRegister), kContextRegister));
  for (int r = 0; r < kCallerSaved; ++r) {
    c.reg(r) = RegState{};
    c.scratch_register(r);
  }
  set_unknown(c, c.reg(0));
  if (c.state->depth() == 0) return {};
  // Out of range it leaves the subprogram with 0: Linux follows that way first and queues the other.
  if (!push_path(c, c.insn_index + 1, c.insn_index)) return Check::refused(c.rejection.code);
  c.reg(0) = RegState::constant(0);
  return return_to_caller(c);
}

}  // namespace skep::verifier
