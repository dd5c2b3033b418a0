// Arithmetic on scalars, moves and byte order.
#include <bit>

#include "verifier/prune/precision.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

using isa::Operation;
using isa::Source;

// Whether the result's range can be computed at all; shifts only by a constant that is in range.
bool range_computable(Operation op, const Bounds& src, bool is32) {
  switch (op) {
    case Operation::kAdd:
    case Operation::kSub:
    case Operation::kNeg:
    case Operation::kMul:
    case Operation::kAnd:
    case Operation::kOr:
    case Operation::kXor:
      return true;
    case Operation::kLsh:
    case Operation::kRsh:
    case Operation::kArsh:
      return src.is_exact(is32) && src.umax < (is32 ? 32 : 64);
    default:
      return false;
  }
}

void apply(Operation op, Bounds& dst, const Bounds& src, bool is32) {
  switch (op) {
    case Operation::kAdd:
      return bounds_add(dst, src);
    case Operation::kSub:
      return bounds_sub(dst, src);
    case Operation::kNeg: {
      const Bounds operand = dst;
      dst = Bounds::constant(0);
      return bounds_sub(dst, operand);
    }
    case Operation::kMul:
      return bounds_mul(dst, src);
    case Operation::kAnd:
      return bounds_and(dst, src);
    case Operation::kOr:
      return bounds_or(dst, src);
    case Operation::kXor:
      return bounds_xor(dst, src);
    case Operation::kLsh:
      return bounds_lsh(dst, src, is32);
    case Operation::kRsh:
      return bounds_rsh(dst, src, is32);
    case Operation::kArsh:
      return bounds_arsh(dst, src, is32);
    default:
      dst = Bounds::unknown();
  }
}

void scalar_operation(Context& c, Operation op, RegState& dst, const Bounds& src, bool is32) {
  if (!range_computable(op, src, is32)) {
    set_unknown(c, dst);
    return;
  }
  apply(op, dst.bounds, src, is32);
  if (is32) dst.bounds.zero_extend_32();
  dst.bounds.sync();
}

// dst += constant (or -=) keeps the link to the register it was copied from, at a distance. `fitted`: the
// value had no bits above the low half, without which a 32-bit sum says nothing of the whole.
void keep_link(const Context& c, Operation op, RegState& dst, const Bounds& src, bool is32, bool fitted) {
  const bool moves = op == Operation::kAdd || op == Operation::kSub;
  if (c.privileged && moves && dst.id && !(dst.id & kIdAddConst) && src.is_const(is32) && (!is32 || fitted)) {
    const auto value = static_cast<int64_t>(src.const_value(is32));
    const auto distance = static_cast<int32_t>(value);
    if ((is32 || value == distance) && !(op == Operation::kSub && distance == kS32Min)) {
      dst.id |= is32 ? kIdAddConst32 : kIdAddConst64;
      dst.off = op == Operation::kSub ? -distance : distance;
      return;
    }
  }
  dst.id = 0;
  dst.off = 0;
}

Check binary(Context& c, const isa::Insn& insn, const isa::InsnDesc& d) {
  RegState& dst = c.reg(insn.dst);
  const bool is32 = d.width == isa::Width::k32;
  Bounds operand;
  if (d.source == Source::kReg) {
    const RegState& src = c.reg(insn.src);
    if (!src.is_scalar()) {
      if (!dst.is_scalar()) {
        if (d.operation == Operation::kSub && c.allow_pointer_leaks) {
          set_unknown(c, dst);
          return {};
        }
        return c.reject(EACCES, "R{} pointer {} pointer prohibited", insn.dst, d.mnemonic);
      }
      SKEP_REQUIRE(mark_precise(c, insn.dst));
      return pointer_arithmetic(c, src, dst);
    }
    if (!dst.is_scalar()) {
      SKEP_REQUIRE(mark_precise(c, insn.src));
      return pointer_arithmetic(c, dst, src);
    }
    if (dst.precise) SKEP_REQUIRE(mark_precise(c, insn.src));
    operand = c.reg(insn.src).bounds;
  } else {
    operand = Bounds::constant(static_cast<uint64_t>(int64_t{insn.imm}));
    if (!dst.is_scalar()) return pointer_arithmetic(c, dst, RegState::scalar(operand));
  }
  const bool fitted = dst.bounds.umax <= kU32Max;
  scalar_operation(c, d.operation, dst, operand, is32);
  keep_link(c, d.operation, dst, operand, is32, fitted);
  return {};
}

Check move_register(Context& c, const isa::Insn& insn, const isa::InsnDesc& d) {
  RegState& src = c.reg(insn.src);
  RegState& dst = c.reg(insn.dst);
  const uint32_t from = d.operation == Operation::kMovsx ? d.mem_bytes : 0;
  const bool is32 = d.width == isa::Width::k32;
  if (!is32 && from == 0) {
    assign_scalar_id(c, src);
    const RegState copy = src;
    dst = copy;
    return {};
  }
  if (leaks_pointer(c, src))
    return is32 ? c.reject(EACCES, "R{} partial copy of pointer", insn.src)
                : c.reject(EACCES, "R{} sign-extension part of pointer", insn.src);
  if (!src.is_scalar()) {
    set_unknown(c, dst);
  } else {
    // The copy equals its source where the bits that are lost are known to be zero.
    const bool same =
        from == 0 ? std::bit_width(src.bounds.umax) <= 32 : src.bounds.umax < uint64_t{1} << (from * 8 - 1);
    if (same) assign_scalar_id(c, src);
    const RegState copy = src;
    dst = copy;
    if (!same) dst.id = 0;
    if (from) is32 ? dst.bounds.sign_extend_32(from) : dst.bounds.sign_extend_64(from);
  }
  if (is32) {
    dst.bounds.zero_extend_32();
    dst.bounds.sync();
  }
  return {};
}

// Bits keep what is known of them in their new places; what lies above the operand becomes zero.
void byte_order(Bounds& b, const isa::InsnDesc& d) {
  const bool swap = d.operation != Operation::kToLe;
  const unsigned shift = 64 - d.mem_bytes * 8u;
  const Tnum low = b.bits.cast(d.mem_bytes);
  b.bits = swap ? Tnum{__builtin_bswap64(low.value) >> shift, __builtin_bswap64(low.mask) >> shift} : low;
  b.forget_ranges();
  b.sync();
}

Check unary(Context& c, const isa::Insn& insn, const isa::InsnDesc& d) {
  SKEP_REQUIRE(require_readable(c, insn.dst));
  if (leaks_pointer(c, c.reg(insn.dst)))
    return c.reject(EACCES, "R{} pointer arithmetic prohibited", insn.dst);
  SKEP_REQUIRE(require_writable(c, insn.dst));
  RegState& dst = c.reg(insn.dst);
  if (!dst.is_scalar()) {
    set_unknown(c, dst);
    return {};
  }
  if (d.operation == Operation::kNeg)
    scalar_operation(c, d.operation, dst, Bounds::constant(0), d.width == isa::Width::k32);
  else
    byte_order(dst.bounds, d);
  dst.id = 0;
  dst.off = 0;
  return sane_bounds(c, dst, "alu");
}

Check immediate_limits(Context& c, const isa::Insn& insn, const isa::InsnDesc& d) {
  if (d.source != Source::kImm) return {};
  switch (d.operation) {
    case Operation::kDiv:
    case Operation::kMod:
    case Operation::kSdiv:
    case Operation::kSmod:
      if (insn.imm == 0) return c.reject(EINVAL, "div by zero");
      return {};
    case Operation::kLsh:
    case Operation::kRsh:
    case Operation::kArsh:
      if (insn.imm < 0 || insn.imm >= (d.width == isa::Width::k32 ? 32 : 64))
        return c.reject(EINVAL, "invalid shift {}", insn.imm);
      return {};
    default:
      return {};
  }
}

}  // namespace

// Equal scalars share an id, so that what a branch tells of one holds for all.
void assign_scalar_id(Context& c, RegState& src) {
  if (!src.is_scalar()) return;
  if (src.id & kIdAddConst) {
    // The copy would be at a distance from a distance: start a new family.
    src.id = 0;
    src.off = 0;
  }
  if (!src.id && !src.bounds.is_const()) src.id = c.new_id();
}

Check do_alu(Context& c) {
  const isa::Insn insn = c.insn(c.insn_index);
  const isa::InsnDesc& d = c.desc(c.insn_index);
  switch (d.operation) {
    case Operation::kNeg:
    case Operation::kToLe:
    case Operation::kToBe:
    case Operation::kBswap:
      return unary(c, insn, d);
    case Operation::kAddrSpaceCast:
      return c.reject(EINVAL,
                      "addr_space_cast insn can only be used in a program that has an associated arena");
    case Operation::kMov:
    case Operation::kMovsx:
      if (d.source == Source::kReg) SKEP_REQUIRE(require_readable(c, insn.src));
      SKEP_REQUIRE(require_writable(c, insn.dst));
      if (d.source == Source::kReg) return move_register(c, insn, d);
      c.reg(insn.dst) =
          RegState::constant(d.width == isa::Width::k64 ? static_cast<uint64_t>(int64_t{insn.imm})
                                                        : static_cast<uint32_t>(insn.imm));
      return {};
    default:
      break;
  }
  if (d.source == Source::kReg) SKEP_REQUIRE(require_readable(c, insn.src));
  SKEP_REQUIRE(require_readable(c, insn.dst));
  SKEP_REQUIRE(immediate_limits(c, insn, d));
  SKEP_REQUIRE(require_writable(c, insn.dst));
  SKEP_REQUIRE(binary(c, insn, d));
  return sane_bounds(c, c.reg(insn.dst), "alu");
}

}  // namespace skep::verifier
