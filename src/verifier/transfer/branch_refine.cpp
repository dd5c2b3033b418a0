// What a comparison says of its operands once its outcome is known.
#include <algorithm>
#include <bit>

#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

using isa::Operation;

void equal32(Bounds& a, Bounds& b) {
  a.u32min = b.u32min = std::max(a.u32min, b.u32min);
  a.u32max = b.u32max = std::min(a.u32max, b.u32max);
  a.s32min = b.s32min = std::max(a.s32min, b.s32min);
  a.s32max = b.s32max = std::min(a.s32max, b.s32max);
  const Tnum low = intersect(a.bits.low32(), b.bits.low32());
  a.bits = a.bits.with_low32(low);
  b.bits = b.bits.with_low32(low);
}

void equal64(Bounds& a, Bounds& b) {
  a.umin = b.umin = std::max(a.umin, b.umin);
  a.umax = b.umax = std::min(a.umax, b.umax);
  a.smin = b.smin = std::max(a.smin, b.smin);
  a.smax = b.smax = std::min(a.smax, b.smax);
  a.bits = b.bits = intersect(a.bits, b.bits);
}

// a != the constant b: an end of a range that equals it moves by one.
void not_equal(Bounds& a, const Bounds& b, bool is32) {
  const uint64_t value = b.const_value(is32);
  if (is32) {
    if (a.u32min == static_cast<uint32_t>(value)) ++a.u32min;
    if (a.u32max == static_cast<uint32_t>(value)) --a.u32max;
    if (a.s32min == static_cast<int32_t>(value)) ++a.s32min;
    if (a.s32max == static_cast<int32_t>(value)) --a.s32max;
  } else {
    if (a.umin == value) ++a.umin;
    if (a.umax == value) --a.umax;
    if (a.smin == static_cast<int64_t>(value)) ++a.smin;
    if (a.smax == static_cast<int64_t>(value)) --a.smax;
  }
}

// a & constant: one bit is set, so it is known; or none are, so all are known.
void bits_known(Bounds& a, uint64_t constant, bool set, bool is32) {
  if (set && !std::has_single_bit(constant)) return;
  // Linux forgets the ranges when no bit is set, lest they contradict the bits on a dead branch.
  if (!set) a.forget_ranges();
  Tnum bits = is32 ? a.bits.low32() : a.bits;
  bits = set ? bits | Tnum::constant(constant) : bits & Tnum::constant(~constant);
  a.bits = is32 ? a.bits.with_low32(bits) : bits;
}

template <class T>
void less(T& a_max, T& b_min, T a_min, T b_max, bool or_equal) {  // a < b or a <= b
  if (or_equal) {
    a_max = std::min(a_max, b_max);
    b_min = std::max(a_min, b_min);
  } else {
    a_max = std::min<T>(a_max, static_cast<T>(b_max - 1));
    b_min = std::max<T>(static_cast<T>(a_min + 1), b_min);
  }
}

void unsigned_less(Bounds& a, Bounds& b, bool or_equal, bool is32) {
  if (is32)
    less(a.u32max, b.u32min, a.u32min, b.u32max, or_equal);
  else
    less(a.umax, b.umin, a.umin, b.umax, or_equal);
}

void signed_less(Bounds& a, Bounds& b, bool or_equal, bool is32) {
  if (is32)
    less(a.s32max, b.s32min, a.s32min, b.s32max, or_equal);
  else
    less(a.smax, b.smin, a.smin, b.smax, or_equal);
}

enum class Relation : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe, kSlt, kSle, kSgt, kSge, kBitSet, kBitsClear };

Relation relation(Operation op, bool holds) {
  switch (op) {
    case Operation::kJeq:
      return holds ? Relation::kEq : Relation::kNe;
    case Operation::kJne:
      return holds ? Relation::kNe : Relation::kEq;
    case Operation::kJset:
      return holds ? Relation::kBitSet : Relation::kBitsClear;
    case Operation::kJgt:
      return holds ? Relation::kGt : Relation::kLe;
    case Operation::kJge:
      return holds ? Relation::kGe : Relation::kLt;
    case Operation::kJlt:
      return holds ? Relation::kLt : Relation::kGe;
    case Operation::kJle:
      return holds ? Relation::kLe : Relation::kGt;
    case Operation::kJsgt:
      return holds ? Relation::kSgt : Relation::kSle;
    case Operation::kJsge:
      return holds ? Relation::kSge : Relation::kSlt;
    case Operation::kJslt:
      return holds ? Relation::kSlt : Relation::kSge;
    default:
      return holds ? Relation::kSle : Relation::kSgt;
  }
}

void refine(RegState& ra, RegState& rb, Relation relation, bool is32) {
  Bounds* a = &ra.bounds;
  Bounds* b = &rb.bounds;
  switch (relation) {
    case Relation::kEq:
      is32 ? equal32(*a, *b) : equal64(*a, *b);
      return;
    case Relation::kNe:
    case Relation::kBitSet:
    case Relation::kBitsClear:
      if (!b->is_const(is32)) std::swap(a, b);
      if (!b->is_const(is32)) return;
      if (relation == Relation::kNe) return not_equal(*a, *b, is32);
      return bits_known(*a, b->const_value(is32), relation == Relation::kBitSet, is32);
    case Relation::kLt:
      return unsigned_less(*a, *b, false, is32);
    case Relation::kLe:
      return unsigned_less(*a, *b, true, is32);
    case Relation::kGt:
      return unsigned_less(*b, *a, false, is32);
    case Relation::kGe:
      return unsigned_less(*b, *a, true, is32);
    case Relation::kSlt:
      return signed_less(*a, *b, false, is32);
    case Relation::kSle:
      return signed_less(*a, *b, true, is32);
    case Relation::kSgt:
      return signed_less(*b, *a, false, is32);
    case Relation::kSge:
      return signed_less(*b, *a, true, is32);
  }
}

}  // namespace

void refine_condition(RegState& a, RegState& b, Operation op, bool holds, bool is32) {
  // Nothing is learnt of pointers here: their ranges describe an offset, not the address compared.
  if (!a.is_scalar() || !b.is_scalar()) return;
  refine(a, b, relation(op, holds), is32);
  a.bounds.sync();
  b.bounds.sync();
}

}  // namespace skep::verifier
