// Tnum: a set of 64-bit values known bit by bit. A bit set in `mask` is unknown, else it equals that of
// `value`.
//
// Pure functions; every result contains all values that the operation can give for members of its operands.
// value & mask == 0 always holds.
#pragma once

#include <cstdint>

namespace skep::verifier {

struct Tnum {
  uint64_t value = 0;
  uint64_t mask = ~uint64_t{0};

  static constexpr Tnum constant(uint64_t v) { return {v, 0}; }
  static constexpr Tnum unknown() { return {0, ~uint64_t{0}}; }
  static Tnum range(uint64_t min, uint64_t max);  // the smallest tnum around [min, max]

  constexpr bool is_const() const { return mask == 0; }
  constexpr bool equals_const(uint64_t v) const { return mask == 0 && value == v; }
  constexpr bool is_unknown() const { return mask == ~uint64_t{0}; }
  constexpr bool is_aligned(uint64_t size) const { return size == 0 || ((value | mask) & (size - 1)) == 0; }
  constexpr uint64_t max() const { return value | mask; }
  constexpr Tnum low32() const { return {value & 0xffffffffu, mask & 0xffffffffu}; }
  constexpr Tnum without_low32() const { return {value >> 32 << 32, mask >> 32 << 32}; }
  constexpr Tnum with_low32(Tnum low) const {
    return {without_low32().value | low.low32().value, without_low32().mask | low.low32().mask};
  }
  uint64_t next_after(uint64_t v) const;  // the smallest member above v; the largest when there is none
  Tnum cast(uint32_t bytes) const;        // zero-extended from the low bytes
  constexpr bool contains(Tnum b) const { return (b.mask & ~mask) == 0 && value == (b.value & ~mask); }
  constexpr bool overlaps(Tnum b) const {
    const uint64_t known = ~mask & ~b.mask;
    return (value & known) == (b.value & known);
  }
  friend constexpr bool operator==(const Tnum&, const Tnum&) = default;
};

Tnum operator+(Tnum a, Tnum b);
Tnum operator-(Tnum a, Tnum b);
Tnum operator*(Tnum a, Tnum b);
Tnum operator&(Tnum a, Tnum b);
Tnum operator|(Tnum a, Tnum b);
Tnum operator^(Tnum a, Tnum b);
Tnum shift_left(Tnum a, unsigned bits);
Tnum shift_right(Tnum a, unsigned bits);
Tnum shift_right_signed(Tnum a, unsigned bits, unsigned width);  // width 32 or 64
Tnum intersect(Tnum a, Tnum b);  // what both know; the operands must have a common member
Tnum unite(Tnum a, Tnum b);

}  // namespace skep::verifier
