// Calls between the program's own functions: static ones are followed with the caller's state, global ones
// are verified once on their own.
#include "verifier/log/print_state.h"
#include "verifier/structure/structure.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

using Argument = SubprogInfo::Argument;

// The memory is readable and writable; a pointer that may be null is checked as if it were not.
Check memory_argument(Context& c, int reg, uint32_t size) {
  if (c.reg(reg).is_null()) return {};
  const RegState saved = c.reg(reg);
  c.reg(reg).flags &= static_cast<uint8_t>(~kPtrMaybeNull);
  Check ok = helper_memory_access(c, reg, size, AccessType::kRead, true, nullptr);
  if (ok.ok()) ok = helper_memory_access(c, reg, size, AccessType::kWrite, true, nullptr);
  c.reg(reg) = saved;
  return ok;
}

Check global_argument(Context& c, size_t index, const Argument& arg) {
  const int reg = static_cast<int>(index) + 1;
  const RegState& r = c.reg(reg);
  switch (arg.kind) {
    case Argument::kAnything:
      if (!r.is_scalar()) return c.reject(EINVAL, "R{} is not a scalar", reg);
      return {};
    case Argument::kContext:
      SKEP_REQUIRE(pointer_argument_offset(c, r, reg));
      if (!r.is(RegKind::kContext)) return c.reject(EINVAL, "arg#{} expects pointer to ctx", index);
      return {};
    case Argument::kMemory:
      SKEP_REQUIRE(pointer_argument_offset(c, r, reg));
      if (!memory_argument(c, reg, arg.mem_size).ok()) return Check::refused(EINVAL);
      if (!arg.maybe_null && (r.maybe_null() || r.is_null()))
        return c.reject(EINVAL, "arg#{} is expected to be non-NULL", index);
      return {};
    default:
      return c.reject(EINVAL, "arg#{} has a type that is not supported", index);
  }
}

Check global_call(Context& c, uint32_t sub) {
  SubprogInfo& info = c.subprogs[sub];
  SKEP_REQUIRE(learn_arguments(c, sub));
  for (size_t i = 0; i < info.arguments.size(); ++i) {
    const Check ok = global_argument(c, i, info.arguments[i]);
    if (!ok.ok())
      return c.reject(ok.code(), "Caller passes invalid args into func#{} ('{}')", sub, info.name);
  }
  if (c.log.any()) c.log.print("Func#{} ('{}') is global and assumed valid.\n", sub, info.name);
  if (info.changes_packet_data) clear_packet_pointers(c);
  info.called = true;
  clear_caller_saved(c);
  set_unknown(c, c.reg(0));
  return {};
}

}  // namespace

Frame make_frame(uint32_t subprog, int32_t callsite, uint32_t number) {
  Frame frame;
  frame.subprog = subprog;
  frame.callsite = callsite;
  frame.number = number;
  RegState& fp = frame.regs[kFramePointer];
  fp = RegState::pointer(RegKind::kStack);
  fp.frame = number;
  return frame;
}

Check do_subprog_call(Context& c) {
  const int sub = c.subprog_at(c.insn_index + c.insn(c.insn_index).imm + 1);
  if (sub < 0) return c.internal_error("call of no function");
  const auto index = static_cast<uint32_t>(sub);
  if (c.subprogs[index].is_global) return global_call(c, index);
  const auto depth = static_cast<uint32_t>(c.state->depth());
  if (depth + 1 >= kMaxFrames) return c.reject(E2BIG, "the call stack of {} frames is too deep", depth + 2);
  Frame callee = make_frame(index, c.insn_index, depth + 1);
  for (size_t r = 1; r <= 5; ++r) callee.regs[r] = c.frame().regs[r];
  clear_caller_saved(c);
  c.state->frames.push_back(std::move(callee));
  c.scratch_all();  // a new frame is printed whole
  if (c.log.any()) {
    c.log.print("caller:\n");
    print_state(c, *c.state, static_cast<int>(depth), true);
    c.log.print("callee:\n");
    print_state(c, *c.state, static_cast<int>(depth) + 1, true);
  }
  c.insn_index = static_cast<int32_t>(c.subprogs[index].start) - 1;
  return {};
}

}  // namespace skep::verifier
