// What each arithmetic operation and comparison yields, as pure functions: Linux's rules for division by
// zero, overflow and shift counts included.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "isa/insn.h"

namespace skep::exec::interp {

using isa::Operation;
using isa::Width;

template <Width kWidth>
using Unsigned = std::conditional_t<kWidth == Width::k64, uint64_t, uint32_t>;

// Sign-extends the low `bytes` of a value to 64 bits.
template <unsigned kBytes>
constexpr uint64_t sign_extend(uint64_t value) {
  if constexpr (kBytes == 1) return static_cast<uint64_t>(int64_t{static_cast<int8_t>(value)});
  if constexpr (kBytes == 2) return static_cast<uint64_t>(int64_t{static_cast<int16_t>(value)});
  if constexpr (kBytes == 4) return static_cast<uint64_t>(int64_t{static_cast<int32_t>(value)});
  return value;
}

// dst OP operand, in U's width. Division by zero yields 0, modulo by zero leaves dst; the most negative
// number divided by -1 wraps to itself, with remainder 0; shift counts are taken modulo the width.
template <Operation kOperation, class U>
constexpr U arithmetic(U a, U b) {
  using S = std::make_signed_t<U>;
  constexpr U kCountMask = sizeof(U) * 8 - 1;
  const bool overflows = static_cast<S>(a) == std::numeric_limits<S>::min() && static_cast<S>(b) == -1;
  switch (kOperation) {
    case Operation::kAdd:
      return a + b;
    case Operation::kSub:
      return a - b;
    case Operation::kMul:
      return a * b;
    case Operation::kDiv:
      return b == 0 ? 0 : a / b;
    case Operation::kMod:
      return b == 0 ? a : a % b;
    case Operation::kSdiv:
      return b == 0 ? 0 : overflows ? a : static_cast<U>(static_cast<S>(a) / static_cast<S>(b));
    case Operation::kSmod:
      return b == 0 ? a : overflows ? 0 : static_cast<U>(static_cast<S>(a) % static_cast<S>(b));
    case Operation::kOr:
      return a | b;
    case Operation::kAnd:
      return a & b;
    case Operation::kXor:
      return a ^ b;
    case Operation::kLsh:
      return a << (b & kCountMask);
    case Operation::kRsh:
      return a >> (b & kCountMask);
    case Operation::kArsh:
      return static_cast<U>(static_cast<S>(a) >> (b & kCountMask));
    case Operation::kMov:
      return b;
    case Operation::kNeg:
      return U{0} - a;
    default:
      __builtin_unreachable();
  }
}

template <Operation kOperation, class U>
constexpr bool compare(U a, U b) {
  using S = std::make_signed_t<U>;
  switch (kOperation) {
    case Operation::kJeq:
      return a == b;
    case Operation::kJne:
      return a != b;
    case Operation::kJgt:
      return a > b;
    case Operation::kJge:
      return a >= b;
    case Operation::kJlt:
      return a < b;
    case Operation::kJle:
      return a <= b;
    case Operation::kJsgt:
      return static_cast<S>(a) > static_cast<S>(b);
    case Operation::kJsge:
      return static_cast<S>(a) >= static_cast<S>(b);
    case Operation::kJslt:
      return static_cast<S>(a) < static_cast<S>(b);
    case Operation::kJsle:
      return static_cast<S>(a) <= static_cast<S>(b);
    case Operation::kJset:
      return (a & b) != 0;
    default:
      __builtin_unreachable();
  }
}

// The low kBytes of a value, in another byte order when `swap`; zero above.
template <unsigned kBytes>
constexpr uint64_t byte_order(uint64_t value, bool swap) {
  if constexpr (kBytes == 2) return swap ? __builtin_bswap16(static_cast<uint16_t>(value)) : uint16_t(value);
  if constexpr (kBytes == 4) return swap ? __builtin_bswap32(static_cast<uint32_t>(value)) : uint32_t(value);
  return swap ? __builtin_bswap64(value) : value;
}

// The new memory value of an atomic read-modify-write; cmpxchg is decided by the caller.
template <Operation kOperation, class U>
constexpr U atomic_result(U old, U operand) {
  switch (kOperation) {
    case Operation::kAtomicAdd:
    case Operation::kAtomicFetchAdd:
      return old + operand;
    case Operation::kAtomicOr:
    case Operation::kAtomicFetchOr:
      return old | operand;
    case Operation::kAtomicAnd:
    case Operation::kAtomicFetchAnd:
      return old & operand;
    case Operation::kAtomicXor:
    case Operation::kAtomicFetchXor:
      return old ^ operand;
    case Operation::kAtomicXchg:
      return operand;
    default:
      __builtin_unreachable();
  }
}

}  // namespace skep::exec::interp
