#include "abi/insn.h"
#include "verifier/log/print_state.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {

Check require_readable(Context& c, int reg) {
  if (reg >= isa::kRegisterCount) return c.reject(EINVAL, "R{} is invalid", reg);
  c.scratch_register(reg);
  if (c.reg(reg).is(RegKind::kNotInit)) return c.reject(EACCES, "R{} !read_ok", reg);
  return {};
}

Check require_writable(Context& c, int reg) {
  if (reg >= isa::kRegisterCount) return c.reject(EINVAL, "R{} is invalid", reg);
  c.scratch_register(reg);
  if (reg == kFramePointer) return c.reject(EACCES, "frame pointer is read only");
  return {};
}

RegState unknown_scalar(const Context& c) {
  RegState r = RegState::unknown();
  r.precise = !c.privileged;
  return r;
}

void set_unknown(Context& c, RegState& reg) { reg = unknown_scalar(c); }

Check sane_bounds(Context& c, RegState& reg, const char* where) {
  if (reg.bounds.consistent()) return {};
  if (c.test_reg_invariants) return c.reject(EFAULT, "REG INVARIANTS VIOLATION ({})", where);
  reg.bounds.forget_ranges();  // the bits stay
  return {};
}

bool leaks_pointer(const Context& c, const RegState& reg) {
  return !c.allow_pointer_leaks && reg.is_pointer();
}

namespace {

Check alu_reserved(Context& c, const isa::Insn& insn) {
  switch (insn.code & 0xf0) {
    case abi::BPF_NEG:
      return c.reject(EINVAL, "BPF_NEG uses reserved fields");
    case abi::BPF_END:
      return c.reject(EINVAL, "BPF_END uses reserved fields");
    case abi::BPF_MOV:
      return c.reject(EINVAL, "BPF_MOV uses reserved fields");
    default:
      return c.reject(EINVAL, "BPF_ALU uses reserved fields");
  }
}

Check jump_reserved(Context& c, const isa::Insn& insn) {
  switch (insn.code & 0xf0) {
    case abi::BPF_CALL:
      return c.reject(EINVAL, "BPF_CALL uses reserved fields");
    case abi::BPF_JA:
      return c.reject(EINVAL, "BPF_JA uses reserved fields");
    case abi::BPF_EXIT:
      return c.reject(EINVAL, "BPF_EXIT uses reserved fields");
    case 0xe0:
      return c.reject(EINVAL, "invalid may_goto imm {}", insn.imm);
    default:
      return c.reject(EINVAL, "BPF_JMP/JMP32 uses reserved fields");
  }
}

}  // namespace

// Linux names the family when a field that must be zero is not, and when no operation has the fields' values.
Check reserved_fields(Context& c, const isa::Insn& insn, const isa::InsnDesc* d) {
  if (d && isa::reserved_fields_ok(*d, insn)) return {};
  switch (insn.code & 7) {
    case abi::BPF_ALU:
    case abi::BPF_ALU64:
      return alu_reserved(c, insn);
    case abi::BPF_JMP:
    case abi::BPF_JMP32:
      return jump_reserved(c, insn);
    case abi::BPF_LDX:
      return c.reject(EINVAL, "BPF_LDX uses reserved fields");
    case abi::BPF_ST:
      return c.reject(EINVAL, "BPF_ST uses reserved fields");
    case abi::BPF_STX:
      if ((insn.code & 0xe0) == abi::BPF_ATOMIC &&
          ((insn.code & 0x18) == abi::BPF_B || (insn.code & 0x18) == abi::BPF_H) && insn.imm != 0x100 &&
          insn.imm != 0x110)
        return c.reject(EINVAL, "invalid atomic operand size");
      if ((insn.code & 0xe0) == abi::BPF_ATOMIC)
        return c.reject(EINVAL, "BPF_ATOMIC uses invalid atomic opcode {:02x}",
                        static_cast<uint32_t>(insn.imm));
      return c.reject(EINVAL, "BPF_STX uses reserved fields");
    default:
      if ((insn.code & 0xe0) == abi::BPF_IMM) return c.reject(EINVAL, "BPF_LD_IMM64 uses reserved fields");
      return c.reject(EINVAL, "BPF_LD_[ABS|IND] uses reserved fields");
  }
}

}  // namespace skep::verifier
