// Ranges under arithmetic: the transfer functions of scalar operations. What a range cannot follow (overflow
// in part of it) becomes unbounded; bits are computed by the tnum and sharpen the ranges again.
#include <algorithm>

#include "verifier/domain/bounds.h"

namespace skep::verifier {
namespace {

template <class S>
void add_signed(S& min, S& max, S other_min, S other_max) {
  const bool low = __builtin_add_overflow(min, other_min, &min);
  const bool high = __builtin_add_overflow(max, other_max, &max);
  if (low || high) {
    min = std::numeric_limits<S>::min();
    max = std::numeric_limits<S>::max();
  }
}

// Sums that all wrap, or none, keep their order; a mix does not.
template <class U>
void add_unsigned(U& min, U& max, U other_min, U other_max) {
  const bool low = __builtin_add_overflow(min, other_min, &min);
  const bool high = __builtin_add_overflow(max, other_max, &max);
  if (!low && high) {
    min = 0;
    max = std::numeric_limits<U>::max();
  }
}

template <class S>
void sub_signed(S& min, S& max, S other_min, S other_max) {
  const bool low = __builtin_sub_overflow(min, other_max, &min);
  const bool high = __builtin_sub_overflow(max, other_min, &max);
  if (low || high) {
    min = std::numeric_limits<S>::min();
    max = std::numeric_limits<S>::max();
  }
}

template <class U>
void sub_unsigned(U& min, U& max, U other_min, U other_max) {
  const bool low = __builtin_sub_overflow(min, other_max, &min);
  const bool high = __builtin_sub_overflow(max, other_min, &max);
  if (low && !high) {
    min = 0;
    max = std::numeric_limits<U>::max();
  }
}

template <class S>
void mul_signed(S& min, S& max, S other_min, S other_max) {
  S products[4];
  bool overflow = __builtin_mul_overflow(min, other_min, &products[0]);
  overflow |= __builtin_mul_overflow(min, other_max, &products[1]);
  overflow |= __builtin_mul_overflow(max, other_min, &products[2]);
  overflow |= __builtin_mul_overflow(max, other_max, &products[3]);
  min = overflow ? std::numeric_limits<S>::min() : *std::min_element(products, products + 4);
  max = overflow ? std::numeric_limits<S>::max() : *std::max_element(products, products + 4);
}

template <class U>
void mul_unsigned(U& min, U& max, U other_min, U other_max) {
  const bool high = __builtin_mul_overflow(max, other_max, &max);
  const bool low = __builtin_mul_overflow(min, other_min, &min);
  if (high || low) {
    min = 0;
    max = std::numeric_limits<U>::max();
  }
}

// A signed range equals the unsigned one where that does not cross the sign bit.
void signed_from_unsigned64(Bounds& b) {
  const bool same_sign = static_cast<int64_t>(b.umin) <= static_cast<int64_t>(b.umax);
  b.smin = same_sign ? static_cast<int64_t>(b.umin) : kS64Min;
  b.smax = same_sign ? static_cast<int64_t>(b.umax) : kS64Max;
}

void signed_from_unsigned32(Bounds& b) {
  const bool same_sign = static_cast<int32_t>(b.u32min) <= static_cast<int32_t>(b.u32max);
  b.s32min = same_sign ? static_cast<int32_t>(b.u32min) : kS32Min;
  b.s32max = same_sign ? static_cast<int32_t>(b.u32max) : kS32Max;
}

void set_const32(Bounds& b) {
  b.u32min = b.u32max = static_cast<uint32_t>(b.bits.value);
  b.s32min = b.s32max = static_cast<int32_t>(b.bits.value);
}

// The common end of the bitwise operations: the ranges that `unsigned_range` gives, exact where both are
// known.
template <class Range64, class Range32>
void bitwise(Bounds& dst, const Bounds& src, Range64 range64, Range32 range32) {
  if (src.low32_is_const() && dst.bits.low32().is_const()) {
    set_const32(dst);
  } else {
    range32();
    signed_from_unsigned32(dst);
  }
  if (src.is_const() && dst.bits.is_const()) {
    dst = Bounds::constant(dst.bits.value);
    return;
  }
  range64();
  signed_from_unsigned64(dst);
  dst.learn_from_bits();
}

}  // namespace

void bounds_add_ranges(Bounds& dst, const Bounds& src) {
  add_signed(dst.s32min, dst.s32max, src.s32min, src.s32max);
  add_unsigned(dst.u32min, dst.u32max, src.u32min, src.u32max);
  add_signed(dst.smin, dst.smax, src.smin, src.smax);
  add_unsigned(dst.umin, dst.umax, src.umin, src.umax);
}

void bounds_add(Bounds& dst, const Bounds& src) {
  bounds_add_ranges(dst, src);
  dst.bits = dst.bits + src.bits;
}

void bounds_sub(Bounds& dst, const Bounds& src) {
  sub_signed(dst.s32min, dst.s32max, src.s32min, src.s32max);
  sub_unsigned(dst.u32min, dst.u32max, src.u32min, src.u32max);
  sub_signed(dst.smin, dst.smax, src.smin, src.smax);
  sub_unsigned(dst.umin, dst.umax, src.umin, src.umax);
  dst.bits = dst.bits - src.bits;
}

void bounds_mul(Bounds& dst, const Bounds& src) {
  dst.bits = dst.bits * src.bits;
  mul_unsigned(dst.u32min, dst.u32max, src.u32min, src.u32max);
  mul_signed(dst.s32min, dst.s32max, src.s32min, src.s32max);
  mul_unsigned(dst.umin, dst.umax, src.umin, src.umax);
  mul_signed(dst.smin, dst.smax, src.smin, src.smax);
}

void bounds_and(Bounds& dst, const Bounds& src) {
  dst.bits = dst.bits & src.bits;
  bitwise(
      dst, src,
      [&] {
        dst.umin = dst.bits.value;
        dst.umax = std::min(dst.umax, src.umax);
      },
      [&] {
        dst.u32min = static_cast<uint32_t>(dst.bits.value);
        dst.u32max = std::min(dst.u32max, src.u32max);
      });
}

void bounds_or(Bounds& dst, const Bounds& src) {
  dst.bits = dst.bits | src.bits;
  bitwise(
      dst, src,
      [&] {
        dst.umin = std::max(dst.umin, src.umin);
        dst.umax = dst.bits.max();
      },
      [&] {
        dst.u32min = std::max(dst.u32min, src.u32min);
        dst.u32max = static_cast<uint32_t>(dst.bits.max());
      });
}

void bounds_xor(Bounds& dst, const Bounds& src) {
  dst.bits = dst.bits ^ src.bits;
  bitwise(
      dst, src,
      [&] {
        dst.umin = dst.bits.value;
        dst.umax = dst.bits.max();
      },
      [&] {
        dst.u32min = static_cast<uint32_t>(dst.bits.value);
        dst.u32max = static_cast<uint32_t>(dst.bits.max());
      });
}

namespace {

void lsh32_ranges(Bounds& dst, uint64_t min_bits, uint64_t max_bits) {
  dst.s32min = kS32Min;
  dst.s32max = kS32Max;
  if (max_bits > 31 || dst.u32max > uint64_t{1} << (31 - max_bits)) {
    dst.u32min = 0;
    dst.u32max = kU32Max;
  } else {
    dst.u32min <<= min_bits;
    dst.u32max <<= max_bits;
  }
}

void lsh64_ranges(Bounds& dst, uint64_t min_bits, uint64_t max_bits) {
  // Compilers sign-extend a low half by << 32, s>> 32: keep its signed range.
  const bool by_half = min_bits == 32 && max_bits == 32;
  dst.smax = by_half && dst.s32max >= 0 ? static_cast<int64_t>(dst.s32max) << 32 : kS64Max;
  dst.smin = by_half && dst.s32min >= 0 ? static_cast<int64_t>(dst.s32min) << 32 : kS64Min;
  if (dst.umax > uint64_t{1} << (63 - max_bits)) {
    dst.umin = 0;
    dst.umax = kU64Max;
  } else {
    dst.umin <<= min_bits;
    dst.umax <<= max_bits;
  }
}

}  // namespace

void bounds_lsh(Bounds& dst, const Bounds& src, bool is32) {
  if (is32) {
    const Tnum low = dst.bits.low32();
    lsh32_ranges(dst, src.u32min, src.u32max);
    dst.bits = shift_left(low, src.u32min).low32();
    dst.forget_range64();
    dst.learn_from_bits32();
    return;
  }
  lsh64_ranges(dst, src.umin, src.umax);
  lsh32_ranges(dst, src.umin, src.umax);
  dst.bits = shift_left(dst.bits, static_cast<unsigned>(src.umin));
  dst.learn_from_bits();
}

void bounds_rsh(Bounds& dst, const Bounds& src, bool is32) {
  if (is32) {
    dst.s32min = kS32Min;
    dst.s32max = kS32Max;
    dst.bits = shift_right(dst.bits.low32(), src.u32min);
    dst.u32min >>= src.u32max;
    dst.u32max >>= src.u32min;
    dst.forget_range64();
    dst.learn_from_bits32();
    return;
  }
  dst.smin = kS64Min;
  dst.smax = kS64Max;
  dst.bits = shift_right(dst.bits, static_cast<unsigned>(src.umin));
  dst.umin >>= src.umax;
  dst.umax >>= src.umin;
  dst.forget_range32();
  dst.learn_from_bits();
}

void bounds_arsh(Bounds& dst, const Bounds& src, bool is32) {
  if (is32) {
    dst.s32min >>= src.u32min;
    dst.s32max >>= src.u32min;
    dst.bits = shift_right_signed(dst.bits.low32(), src.u32min, 32);
    dst.u32min = 0;
    dst.u32max = kU32Max;
    dst.forget_range64();
    dst.learn_from_bits32();
    return;
  }
  dst.smin >>= src.umin;
  dst.smax >>= src.umin;
  dst.bits = shift_right_signed(dst.bits, static_cast<unsigned>(src.umin), 64);
  dst.umin = 0;
  dst.umax = kU64Max;
  dst.forget_range32();
  dst.learn_from_bits();
}

}  // namespace skep::verifier
