#include "verifier/domain/bounds.h"

#include <algorithm>

namespace skep::verifier {
namespace {

template <class T>
void raise(T& low, T candidate) {
  low = std::max(low, candidate);
}
template <class T>
void lower(T& high, T candidate) {
  high = std::min(high, candidate);
}
constexpr int32_t s32(uint64_t v) { return static_cast<int32_t>(v); }
constexpr uint32_t u32(uint64_t v) { return static_cast<uint32_t>(v); }
constexpr int64_t s64(uint64_t v) { return static_cast<int64_t>(v); }
constexpr uint64_t u64(int64_t v) { return static_cast<uint64_t>(v); }

}  // namespace

Bounds Bounds::constant(uint64_t value) {
  Bounds b;
  b.bits = Tnum::constant(value);
  b.smin = b.smax = s64(value);
  b.umin = b.umax = value;
  b.s32min = b.s32max = s32(value);
  b.u32min = b.u32max = u32(value);
  return b;
}

bool Bounds::is_exact(bool low_half) const {
  if (low_half) return low32_is_const() && s32min == s32max && u32min == u32max;
  return is_const() && smin == smax && umin == umax;
}

void Bounds::forget_range64() {
  smin = kS64Min, smax = kS64Max;
  umin = 0, umax = kU64Max;
}

void Bounds::forget_range32() {
  s32min = kS32Min, s32max = kS32Max;
  u32min = 0, u32max = kU32Max;
}

void Bounds::forget_ranges() {
  forget_range64();
  forget_range32();
}

void Bounds::learn_from_bits32() {
  const Tnum low = bits.low32();
  raise(s32min, s32(low.value | (low.mask & 0x80000000u)));
  lower(s32max, s32(low.value | (low.mask & 0x7fffffffu)));
  raise(u32min, u32(low.value));
  lower(u32max, u32(low.max()));
}

void Bounds::learn_from_bits64() {
  raise(smin, s64(bits.value | (bits.mask & u64(kS64Min))));
  lower(smax, s64(bits.value | (bits.mask & u64(kS64Max))));
  raise(umin, bits.value);
  lower(umax, bits.max());
  learn_only_value();
}

// Where the unsigned range and the bits have one value in common, that is the value.
void Bounds::learn_only_value() {
  const bool first_fits = (umin & ~bits.mask) == bits.value;
  const uint64_t next = bits.next_after(umin);
  if (first_fits) {
    if (next > umax) *this = constant(umin);
  } else if (next == bits.max() || (next <= umax && bits.next_after(next) > umax)) {
    *this = constant(next);
  }
}

void Bounds::learn_from_bits() {
  learn_from_bits32();
  learn_from_bits64();
}

// The low half from the whole where the upper half cannot vary, or varies by one step across zero; then
// signed and unsigned from each other.
void Bounds::deduce32() {
  if (umin >> 32 == umax >> 32) {
    raise(u32min, u32(umin));
    lower(u32max, u32(umax));
    if (s32(umin) <= s32(umax)) {
      raise(s32min, s32(umin));
      lower(s32max, s32(umax));
    }
  }
  if (smin >> 32 == smax >> 32) {
    if (u32(u64(smin)) <= u32(u64(smax))) {
      raise(u32min, u32(u64(smin)));
      lower(u32max, u32(u64(smax)));
    }
    if (s32(u64(smin)) <= s32(u64(smax))) {
      raise(s32min, s32(u64(smin)));
      lower(s32max, s32(u64(smax)));
    }
  }
  if (u32(umin >> 32) + 1 == u32(umax >> 32) && s32(umin) < 0 && s32(umax) >= 0) {
    raise(s32min, s32(umin));
    lower(s32max, s32(umax));
  }
  if (u32(u64(smin) >> 32) + 1 == u32(u64(smax) >> 32) && s32(u64(smin)) < 0 && s32(u64(smax)) >= 0) {
    raise(s32min, s32(u64(smin)));
    lower(s32max, s32(u64(smax)));
  }
  if (static_cast<int32_t>(u32min) <= static_cast<int32_t>(u32max)) {
    raise(s32min, static_cast<int32_t>(u32min));
    lower(s32max, static_cast<int32_t>(u32max));
  }
  const auto low = static_cast<uint32_t>(s32min), high = static_cast<uint32_t>(s32max);
  if (low <= high) {
    raise(u32min, low);
    lower(u32max, high);
  } else if (u32max < low) {  // as in deduce64()
    s32min = static_cast<int32_t>(u32min);
    lower(u32max, high);
  } else if (high < u32min) {
    s32max = static_cast<int32_t>(u32max);
    raise(u32min, low);
  }
}

// Signed and unsigned from each other. A signed range that crosses zero is two pieces of the unsigned circle;
// when the unsigned range meets only one of them, that one remains.
void Bounds::deduce64() {
  if (s64(umin) <= s64(umax)) {
    raise(smin, s64(umin));
    lower(smax, s64(umax));
  }
  if (u64(smin) <= u64(smax)) {
    raise(umin, u64(smin));
    lower(umax, u64(smax));
  } else if (umax < u64(smin)) {
    smin = s64(umin);
    lower(umax, u64(smax));
  } else if (u64(smax) < umin) {
    smax = s64(umax);
    raise(umin, u64(smin));
  }
}

// The whole from the low half.
void Bounds::deduce_mixed() {
  constexpr uint64_t kHigh = 0xffffffff00000000u;
  raise(umin, (umin & kHigh) | u32min);
  lower(umax, (umax & kHigh) | u32max);
  raise(smin, s64((u64(smin) & kHigh) | u32min));
  lower(smax, s64((u64(smax) & kHigh) | u32max));
  // A value in s32 range whose low half is not negative has no bits above: the ones pattern would be
  // negative.
  if (s32min >= 0 && smin >= kS32Min && smax <= kS32Max) {
    smin = s32min;
    smax = s32max;
    umin = static_cast<uint64_t>(s32min);
    umax = static_cast<uint64_t>(s32max);
    bits = intersect(bits, Tnum::range(umin, umax));
  }
}

void Bounds::bits_from_ranges() {
  const Tnum whole = intersect(bits, Tnum::range(umin, umax));
  const Tnum low = intersect(whole.low32(), Tnum::range(u32min, u32max));
  bits = whole.without_low32() | low;
}

void Bounds::sync() {
  learn_from_bits();
  for (int round = 0; round < 3; ++round) {
    deduce32();
    deduce64();
    deduce_mixed();
  }
  bits_from_ranges();
  learn_from_bits();
}

bool Bounds::consistent() const {
  if (umin > umax || smin > smax || u32min > u32max || s32min > s32max) return false;
  if (bits.is_const()) {
    const uint64_t v = bits.value;
    if (umin != v || umax != v || smin != s64(v) || smax != s64(v)) return false;
  }
  if (low32_is_const()) {
    const uint32_t v = u32(bits.value);
    if (u32min != v || u32max != v || s32min != s32(v) || s32max != s32(v)) return false;
  }
  return true;
}

void Bounds::assign_32_into_64() {
  umin = u32min;
  umax = u32max;
  // The signed low half is a 64-bit range only where it cannot be negative.
  const bool positive = s32min >= 0 && s32min <= s32max;
  smin = positive ? s32min : 0;
  smax = positive ? s32max : static_cast<int64_t>(kU32Max);
}

void Bounds::zero_extend_32() {
  bits = bits.low32();
  assign_32_into_64();
}

void Bounds::truncate(uint32_t bytes) {
  bits = bits.cast(bytes);
  const uint64_t keep = (uint64_t{1} << bytes * 8) - 1;
  if ((umin & ~keep) == (umax & ~keep)) {
    umin &= keep;
    umax &= keep;
  } else {
    umin = 0;
    umax = keep;
  }
  smin = s64(umin);
  smax = s64(umax);
  if (bytes < 4) forget_range32();
  sync();
}

void Bounds::sign_extend_64(uint32_t bytes) {
  const unsigned shift = 64 - bytes * 8;
  const auto extend = [shift](uint64_t v) { return s64(v << shift) >> shift; };
  const uint64_t top_of_smax = u64(smax) >> (bytes * 8) << (bytes * 8);
  const uint64_t top_of_smin = u64(smin) >> (bytes * 8) << (bytes * 8);
  if (bits.is_const()) {
    *this = constant(u64(extend(bits.value)));
    return;
  }
  if (top_of_smax == top_of_smin) {
    const int64_t a = extend(u64(smax)), b = extend(u64(smin));
    if ((a >= 0) == (b >= 0)) {
      smin = s32min = static_cast<int32_t>(std::min(a, b));
      smax = s32max = static_cast<int32_t>(std::max(a, b));
      smin = std::min(a, b);
      smax = std::max(a, b);
      umin = u64(smin), umax = u64(smax);
      u32min = u32(u64(smin)), u32max = u32(u64(smax));
      bits = Tnum::range(u64(smin), u64(smax));
      return;
    }
  }
  const int64_t high = (int64_t{1} << (bytes * 8 - 1)) - 1;
  *this = unknown();
  smax = high;
  smin = -high - 1;
  s32min = static_cast<int32_t>(std::max<int64_t>(smin, kS32Min));
  s32max = static_cast<int32_t>(std::min<int64_t>(smax, kS32Max));
}

void Bounds::sign_extend_32(uint32_t bytes) {
  const unsigned shift = 32 - bytes * 8;
  const auto extend = [shift](uint32_t v) { return static_cast<int32_t>(v << shift) >> shift; };
  if (low32_is_const()) {
    const int32_t v = extend(u32(bits.value));
    bits = bits.without_low32() | Tnum::constant(u32(static_cast<uint64_t>(v)));
    s32min = s32max = v;
    u32min = u32max = static_cast<uint32_t>(v);
    return;
  }
  const uint32_t top_of_max = static_cast<uint32_t>(s32max) >> (bytes * 8) << (bytes * 8);
  const uint32_t top_of_min = static_cast<uint32_t>(s32min) >> (bytes * 8) << (bytes * 8);
  if (top_of_max == top_of_min) {
    const int32_t a = extend(static_cast<uint32_t>(s32max)), b = extend(static_cast<uint32_t>(s32min));
    if ((a >= 0) == (b >= 0)) {
      s32min = std::min(a, b);
      s32max = std::max(a, b);
      u32min = static_cast<uint32_t>(s32min);
      u32max = static_cast<uint32_t>(s32max);
      bits = bits.with_low32(Tnum::range(u32min, u32max));
      return;
    }
  }
  s32max = static_cast<int32_t>((int64_t{1} << (bytes * 8 - 1)) - 1);
  s32min = -s32max - 1;
  u32min = 0;
  u32max = kU32Max;
  bits = bits.with_low32({0, kU32Max});
}

}  // namespace skep::verifier
