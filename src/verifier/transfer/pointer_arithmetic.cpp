// pointer +- scalar: which pointers allow it, and where the result may point.
#include "maps/map.h"
#include "verifier/log/print_state.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

using isa::Operation;

Check sane_offset(Context& c, const RegState& reg, const RegState& pointer) {
  const std::string name = type_name(pointer.kind, pointer.flags);
  const auto value = static_cast<int64_t>(reg.bounds.bits.value);
  if (reg.bounds.is_const() && (value >= kMaxVarOffset || value <= -kMaxVarOffset))
    return c.reject(EINVAL, "math between {} pointer and {} is not allowed", name, value);
  if (reg.off >= kMaxVarOffset || reg.off <= -kMaxVarOffset)
    return c.reject(EINVAL, "{} pointer offset {} is not allowed", name, reg.off);
  const int64_t smin = reg.bounds.smin;
  if (smin == kS64Min)
    return c.reject(EINVAL, "math between {} pointer and register with unbounded min value is not allowed",
                    name);
  if (smin >= kMaxVarOffset || smin <= -kMaxVarOffset)
    return c.reject(EINVAL, "value {} makes {} pointer be out of bounds", smin, name);
  return {};
}

Check kind_allows_arithmetic(Context& c, int dst, const RegState& pointer, bool known, int64_t smin,
                             Operation op) {
  const std::string name = type_name(pointer.kind, pointer.flags);
  if (pointer.maybe_null())
    return c.reject(EACCES, "R{} pointer arithmetic on {} prohibited, null-check it first", dst, name);
  switch (pointer.kind) {
    case RegKind::kContext:
    case RegKind::kMapValue:
    case RegKind::kMapKey:
    case RegKind::kStack:
    case RegKind::kPacketMeta:
    case RegKind::kPacket:
    case RegKind::kTpBuffer:
    case RegKind::kMem:
    case RegKind::kBuf:
    case RegKind::kFunc:
      return {};
    case RegKind::kFlowKeys:
      if (known) return {};
      break;
    case RegKind::kMapPtr:
      if (known && smin == 0 && op == Operation::kAdd) return {};
      break;
    default:
      break;
  }
  return c.reject(EACCES, "R{} pointer arithmetic on {} prohibited", dst, name);
}

void add(Context& c, const RegState& pointer, const RegState& offset, RegState& dst) {
  const Bounds& p = pointer.bounds;
  const Bounds& o = offset.bounds;
  Bounds& d = dst.bounds;
  const bool s_low = __builtin_add_overflow(p.smin, o.smin, &d.smin);
  const bool s_high = __builtin_add_overflow(p.smax, o.smax, &d.smax);
  if (s_low || s_high) d.smin = kS64Min, d.smax = kS64Max;
  const bool u_low = __builtin_add_overflow(p.umin, o.umin, &d.umin);
  const bool u_high = __builtin_add_overflow(p.umax, o.umax, &d.umax);
  if (u_low || u_high) d.umin = 0, d.umax = kU64Max;
  d.bits = p.bits + o.bits;
  if (!pointer.is_packet()) return;
  // A new variable part: what was checked of the old one says nothing of this.
  dst.id = c.new_id();
  dst.range = 0;
}

void subtract(Context& c, const RegState& pointer, const RegState& offset, RegState& dst) {
  const Bounds& p = pointer.bounds;
  const Bounds& o = offset.bounds;
  Bounds& d = dst.bounds;
  const bool s_low = __builtin_sub_overflow(p.smin, o.smax, &d.smin);
  const bool s_high = __builtin_sub_overflow(p.smax, o.smin, &d.smax);
  if (s_low || s_high) d.smin = kS64Min, d.smax = kS64Max;
  if (p.umin < o.umax) {
    d.umin = 0, d.umax = kU64Max;
  } else {
    d.umin = p.umin - o.umax;
    d.umax = p.umax - o.umin;
  }
  d.bits = p.bits - o.bits;
  if (!pointer.is_packet()) return;
  dst.id = c.new_id();
  if (o.smin < 0) dst.range = 0;
}

// Without CAP_PERFMON a pointer must stay inside its object at every step, since a mispredicted branch could
// use it before the check.
Check stays_inside(Context& c, int dst_reg) {
  const RegState& dst = c.reg(dst_reg);
  if (c.allow_pointer_leaks) return {};
  if (dst.is(RegKind::kStack)) {
    if (!dst.bounds.is_const())
      return c.reject(EACCES, "R{} variable stack access prohibited for !root, var_off=({:#x}; {:#x}) off={}",
                      dst_reg, dst.bounds.bits.value, dst.bounds.bits.mask, dst.off);
    const int64_t off = dst.fixed_offset();
    if (off >= 0 || off < -isa::kStackSize)
      return c.reject(EACCES, "R{} stack pointer arithmetic goes out of range, prohibited for !root",
                      dst_reg);
  } else if (dst.is(RegKind::kMapValue)) {
    if (!map_access(c, dst_reg, 0, 1, false).ok())
      return c.reject(EACCES, "R{} pointer arithmetic of map value goes out of range, prohibited for !root",
                      dst_reg);
  }
  return {};
}

}  // namespace

Check pointer_arithmetic(Context& c, const RegState& pointer_in, RegState offset) {
  const isa::Insn insn = c.insn(c.insn_index);
  const isa::InsnDesc& d = c.desc(c.insn_index);
  const RegState pointer = pointer_in;
  RegState& dst = c.reg(insn.dst);
  const bool scalar_is_dst = dst.is_scalar();
  const Bounds& o = offset.bounds;
  const bool known = o.is_const();
  if ((known && (o.smin != o.smax || o.umin != o.umax)) || o.smin > o.smax || o.umin > o.umax) {
    set_unknown(c, dst);
    return {};
  }
  if (d.width != isa::Width::k64) {
    if (d.operation == Operation::kSub && c.allow_pointer_leaks) {
      set_unknown(c, dst);
      return {};
    }
    return c.reject(EACCES, "R{} 32-bit pointer arithmetic prohibited", insn.dst);
  }
  SKEP_REQUIRE(kind_allows_arithmetic(c, insn.dst, pointer, known, o.smin, d.operation));
  SKEP_REQUIRE(sane_offset(c, offset, pointer));
  SKEP_REQUIRE(sane_offset(c, pointer, pointer));
  RegState result = pointer;
  result.bounds.forget_range32();
  const bool is_add = d.operation == Operation::kAdd;
  if (is_add || d.operation == Operation::kSub) {
    if (!is_add && scalar_is_dst)
      return c.reject(EACCES, "R{} tried to subtract pointer from scalar", insn.dst);
    if (!is_add && pointer.is(RegKind::kStack))
      return c.reject(EACCES, "R{} subtraction from stack pointer prohibited", insn.dst);
    const int64_t moved = is_add ? pointer.off + o.smin : pointer.off - o.smin;
    if (known && moved == static_cast<int32_t>(moved))
      result.off = static_cast<int32_t>(moved);
    else
      is_add ? add(c, pointer, offset, result) : subtract(c, pointer, offset, result);
  } else if (d.operation == Operation::kAnd || d.operation == Operation::kOr ||
             d.operation == Operation::kXor) {
    return c.reject(EACCES, "R{} bitwise operator {} on pointer prohibited", insn.dst, d.mnemonic);
  } else {
    return c.reject(EACCES, "R{} pointer arithmetic with {} operator prohibited", insn.dst, d.mnemonic);
  }
  SKEP_REQUIRE(sane_offset(c, result, pointer));
  result.bounds.sync();
  dst = result;
  return stays_inside(c, insn.dst);
}

}  // namespace skep::verifier
