// Bounds: what is known of a scalar (or of the variable part of a pointer): a tnum and four ranges, over the
// value and over its low half, unsigned and signed, which sharpen each other.
//
// Every operation leaves a superset of the possible values. sync() is Linux's reg_bounds_sync as of 6.18.
#pragma once

#include <cstdint>
#include <limits>

#include "verifier/domain/tnum.h"

namespace skep::verifier {

inline constexpr int64_t kS64Min = std::numeric_limits<int64_t>::min();
inline constexpr int64_t kS64Max = std::numeric_limits<int64_t>::max();
inline constexpr uint64_t kU64Max = std::numeric_limits<uint64_t>::max();
inline constexpr int32_t kS32Min = std::numeric_limits<int32_t>::min();
inline constexpr int32_t kS32Max = std::numeric_limits<int32_t>::max();
inline constexpr uint32_t kU32Max = std::numeric_limits<uint32_t>::max();

struct Bounds {
  Tnum bits;
  int64_t smin = kS64Min, smax = kS64Max;
  uint64_t umin = 0, umax = kU64Max;
  int32_t s32min = kS32Min, s32max = kS32Max;
  uint32_t u32min = 0, u32max = kU32Max;

  static Bounds constant(uint64_t value);
  static Bounds unknown() { return {}; }
  friend bool operator==(const Bounds&, const Bounds&) = default;

  bool is_const() const { return bits.is_const(); }
  bool low32_is_const() const { return bits.low32().is_const(); }
  // Of the whole value, or of its low half.
  bool is_const(bool low_half) const { return low_half ? low32_is_const() : is_const(); }
  uint64_t const_value(bool low_half) const { return low_half ? bits.low32().value : bits.value; }
  // Every representation agrees that there is one value (shift counts and divisors ask for that).
  bool is_exact(bool low_half) const;

  void forget_ranges();  // keeps the bits
  void forget_range64();
  void forget_range32();
  void learn_from_bits();  // ranges from bits
  void learn_from_bits32();
  void learn_from_bits64();
  void sync();
  bool consistent() const;  // each range holds a value and constants agree

  // Low half zero-extended, as after a 32-bit operation.
  void assign_32_into_64();
  void zero_extend_32();
  // Truncation to 1, 2 or 4 bytes with zero extension; sign extension into 64 or 32 bits.
  void truncate(uint32_t bytes);
  void sign_extend_64(uint32_t bytes);
  void sign_extend_32(uint32_t bytes);

 private:
  void deduce32();
  void deduce64();
  void deduce_mixed();
  void bits_from_ranges();
  void learn_only_value();
};

// One operation on two scalars; dst is changed in place, 64 and 32 bits as Linux does, without sync().
void bounds_add(Bounds& dst, const Bounds& src);
void bounds_add_ranges(Bounds& dst, const Bounds& src);  // without the bits
void bounds_sub(Bounds& dst, const Bounds& src);
void bounds_mul(Bounds& dst, const Bounds& src);
void bounds_and(Bounds& dst, const Bounds& src);
void bounds_or(Bounds& dst, const Bounds& src);
void bounds_xor(Bounds& dst, const Bounds& src);
void bounds_lsh(Bounds& dst, const Bounds& src, bool is32);
void bounds_rsh(Bounds& dst, const Bounds& src, bool is32);
void bounds_arsh(Bounds& dst, const Bounds& src, bool is32);

}  // namespace skep::verifier
