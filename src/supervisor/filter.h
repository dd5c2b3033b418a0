// The seccomp filter as classic BPF, made from entries that say which calls trap and which are refused.
//
// Everything that no entry names is allowed. Calls of a foreign ABI (i386 and x32 on x86-64) are refused with
// ENOSYS, since their numbers and argument widths would go past the entries.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "abi/insn.h"

namespace skep::supervisor {

// What an argument must be for an entry to apply. Values are compared as the kernel's own prototype takes
// them: ints by their low 32 bits alone, so that junk in the upper half does not slip past.
struct ArgumentTest {
  enum class Kind : uint8_t { kAny, kLow32In, kNotNull };
  Kind kind = Kind::kAny;
  uint8_t argument = 0;
  uint8_t count = 0;
  std::array<uint32_t, 8> values{};

  bool matches(const uint64_t (&args)[6]) const;
};

constexpr ArgumentTest any_arguments() { return {}; }
constexpr ArgumentTest not_null(uint8_t argument) { return {ArgumentTest::Kind::kNotNull, argument, 0, {}}; }
template <class... Values>
constexpr ArgumentTest low32_in(uint8_t argument, Values... values) {
  return {ArgumentTest::Kind::kLow32In, argument, sizeof...(Values), {static_cast<uint32_t>(values)...}};
}

struct FilterEntry {
  int nr = 0;
  ArgumentTest test;
  uint16_t refuse = 0;  // errno to answer in the kernel; 0: notify the supervisor
};

// Several entries for one number: the first that matches. At most 4,096 instructions result (checked).
std::vector<abi::sock_filter> build_filter(std::span<const FilterEntry> entries);

}  // namespace skep::supervisor
