#include "verifier/domain/tnum.h"

#include <bit>

namespace skep::verifier {

Tnum Tnum::range(uint64_t min, uint64_t max) {
  const int bits = std::bit_width(min ^ max);
  if (bits > 63) return unknown();
  const uint64_t varying = (uint64_t{1} << bits) - 1;
  return {min & ~varying, varying};
}

uint64_t Tnum::next_after(uint64_t v) const {
  if (v >= max()) return max();
  if (v < value) return value;
  // From the highest bit down v is like a member, until a known bit differs.
  const uint64_t differs = (v ^ value) & ~mask;
  const unsigned top = differs ? 63u - static_cast<unsigned>(std::countl_zero(differs)) : 0;
  const uint64_t below = differs ? (uint64_t{2} << top) - 1 : 0;
  uint64_t free = v & mask & ~below;
  const bool above_already = differs && (value >> top & 1);
  if (!above_already) free = ((free | ~mask | below) + 1) & mask;
  return value | free;
}

Tnum Tnum::cast(uint32_t bytes) const {
  if (bytes >= 8) return *this;
  const uint64_t keep = (uint64_t{1} << bytes * 8) - 1;
  return {value & keep, mask & keep};
}

namespace {
// Clears from the value what the mask says is unknown.
constexpr Tnum make(uint64_t value, uint64_t mask) { return {value & ~mask, mask}; }
}  // namespace

// A bit of the sum is unknown where the smallest and the largest sum differ, carries included.
Tnum operator+(Tnum a, Tnum b) {
  const uint64_t smallest = a.value + b.value;
  const uint64_t largest = smallest + (a.mask + b.mask);
  return make(smallest, (largest ^ smallest) | a.mask | b.mask);
}

Tnum operator-(Tnum a, Tnum b) {
  const uint64_t difference = a.value - b.value;
  const uint64_t differing = (difference + a.mask) ^ (difference - b.mask);
  return make(difference, differing | a.mask | b.mask);
}

Tnum operator&(Tnum a, Tnum b) {
  const uint64_t ones = a.value & b.value;
  return {ones, a.max() & b.max() & ~ones};
}

Tnum operator|(Tnum a, Tnum b) {
  const uint64_t ones = a.value | b.value;
  return {ones, (a.mask | b.mask) & ~ones};
}

Tnum operator^(Tnum a, Tnum b) { return make(a.value ^ b.value, a.mask | b.mask); }

// Long multiplication; an unknown bit of `a` joins the sums with and without its partial product
// (Linux 6.18).
Tnum operator*(Tnum a, Tnum b) {
  Tnum sum = Tnum::constant(0);
  for (; a.value != 0 || a.mask != 0; a = shift_right(a, 1), b = shift_left(b, 1)) {
    if (a.value & 1)
      sum = sum + b;
    else if (a.mask & 1)
      sum = unite(sum, sum + b);
  }
  return sum;
}

Tnum shift_left(Tnum a, unsigned bits) { return {a.value << bits, a.mask << bits}; }
Tnum shift_right(Tnum a, unsigned bits) { return {a.value >> bits, a.mask >> bits}; }

Tnum shift_right_signed(Tnum a, unsigned bits, unsigned width) {
  if (width == 32)
    return {static_cast<uint32_t>(static_cast<int32_t>(a.value) >> bits),
            static_cast<uint32_t>(static_cast<int32_t>(a.mask) >> bits)};
  return {static_cast<uint64_t>(static_cast<int64_t>(a.value) >> bits),
          static_cast<uint64_t>(static_cast<int64_t>(a.mask) >> bits)};
}

Tnum intersect(Tnum a, Tnum b) { return make(a.value | b.value, a.mask & b.mask); }

Tnum unite(Tnum a, Tnum b) { return make(a.value & b.value, (a.value ^ b.value) | a.mask | b.mask); }

}  // namespace skep::verifier
