// The way in is build_filter. Shape: check the ABI, find the number by binary search, test arguments.
#include "supervisor/filter.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "abi/seccomp.h"
#include "base/check.h"

namespace skep::supervisor {

using abi::sock_filter;

namespace {

#if defined(__x86_64__)
constexpr uint32_t kNativeArch = 0xc000003e;  // AUDIT_ARCH_X86_64
constexpr uint32_t kForeignBit = 0x40000000;  // x32
#elif defined(__aarch64__)
constexpr uint32_t kNativeArch = 0xc00000b7;  // AUDIT_ARCH_AARCH64
constexpr uint32_t kForeignBit = 0;
#else
#error "no seccomp numbers for this machine"
#endif

constexpr uint32_t kNumberOffset = offsetof(abi::seccomp_data, nr);
constexpr uint32_t kArchOffset = offsetof(abi::seccomp_data, arch);
constexpr uint32_t argument_low(uint8_t index) { return offsetof(abi::seccomp_data, args) + 8u * index; }
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

using Code = std::vector<sock_filter>;

sock_filter load(uint32_t offset) { return {abi::BPF_LD | abi::BPF_W | abi::BPF_ABS, 0, 0, offset}; }
sock_filter answer(uint32_t action) { return {abi::BPF_RET | abi::BPF_K, 0, 0, action}; }
sock_filter jump_if(uint16_t operation, uint32_t value, uint8_t when_true, uint8_t when_false) {
  return {static_cast<uint16_t>(abi::BPF_JMP | operation | abi::BPF_K), when_true, when_false, value};
}

uint32_t action_of(const FilterEntry& entry) {
  return entry.refuse != 0 ? abi::SECCOMP_RET_ERRNO | entry.refuse : abi::SECCOMP_RET_USER_NOTIF;
}

// Answers when the arguments match; falls through to the next instruction when not.
void emit_test(const FilterEntry& entry, Code& out) {
  const ArgumentTest& test = entry.test;
  switch (test.kind) {
    case ArgumentTest::Kind::kAny:
      break;
    case ArgumentTest::Kind::kLow32In:
      out.push_back(load(argument_low(test.argument)));
      for (uint8_t i = 0; i < test.count; ++i) {
        const bool last = i + 1 == test.count;
        const auto to_answer = static_cast<uint8_t>(test.count - 1 - i);
        out.push_back(jump_if(abi::BPF_JEQ, test.values[i], to_answer, last ? 1 : 0));
      }
      break;
    case ArgumentTest::Kind::kNotNull:
      out.push_back(load(argument_low(test.argument)));
      out.push_back(jump_if(abi::BPF_JEQ, 0, 0, 2));
      out.push_back(load(argument_low(test.argument) + 4));
      out.push_back(jump_if(abi::BPF_JEQ, 0, 1, 0));
      break;
  }
  out.push_back(answer(action_of(entry)));
}

// All entries of one number, or fall out to "allow".
Code emit_number(std::span<const FilterEntry> entries) {
  Code body;
  for (const FilterEntry& entry : entries) emit_test(entry, body);
  body.push_back(answer(abi::SECCOMP_RET_ALLOW));
  return body;
}

struct Number {
  int nr;
  Code body;
};

// Binary search over numbers[begin, end); the accumulator holds the syscall's number. Conditional jumps reach
// 255 instructions only, so they skip over an unconditional one.
Code emit_search(std::span<const Number> numbers) {
  Code out;
  if (numbers.size() == 1) {
    out.push_back(jump_if(abi::BPF_JEQ, static_cast<uint32_t>(numbers[0].nr), 1, 0));
    out.push_back(answer(abi::SECCOMP_RET_ALLOW));
    out.insert(out.end(), numbers[0].body.begin(), numbers[0].body.end());
    return out;
  }
  const size_t middle = numbers.size() / 2;
  const Code lower = emit_search(numbers.first(middle));
  const Code upper = emit_search(numbers.subspan(middle));
  out.push_back(jump_if(abi::BPF_JGE, static_cast<uint32_t>(numbers[middle].nr), 0, 1));
  out.push_back({abi::BPF_JMP | abi::BPF_JA, 0, 0, static_cast<uint32_t>(lower.size())});
  out.insert(out.end(), lower.begin(), lower.end());
  out.insert(out.end(), upper.begin(), upper.end());
  return out;
}

std::vector<Number> group_by_number(std::span<const FilterEntry> entries) {
  std::vector<FilterEntry> sorted(entries.begin(), entries.end());
  std::ranges::stable_sort(sorted, {}, &FilterEntry::nr);
  std::vector<Number> numbers;
  for (size_t begin = 0; begin < sorted.size();) {
    size_t end = begin;
    while (end < sorted.size() && sorted[end].nr == sorted[begin].nr) ++end;
    numbers.push_back({sorted[begin].nr, emit_number(std::span(sorted).subspan(begin, end - begin))});
    begin = end;
  }
  return numbers;
}

}  // namespace

bool ArgumentTest::matches(const uint64_t (&args)[6]) const {
  switch (kind) {
    case Kind::kAny:
      return true;
    case Kind::kNotNull:
      return args[argument] != 0;
    case Kind::kLow32In:
      break;
  }
  const auto end = values.begin() + count;
  return std::find(values.begin(), end, static_cast<uint32_t>(args[argument])) != end;
}

std::vector<sock_filter> build_filter(std::span<const FilterEntry> entries) {
  const uint32_t no_such_call = abi::SECCOMP_RET_ERRNO | ENOSYS;
  Code out = {load(kArchOffset), jump_if(abi::BPF_JEQ, kNativeArch, 1, 0), answer(no_such_call),
              load(kNumberOffset)};
  if (kForeignBit != 0) {
    out.push_back(jump_if(abi::BPF_JGE, kForeignBit, 0, 1));
    out.push_back(answer(no_such_call));
  }
  const std::vector<Number> numbers = group_by_number(entries);
  if (numbers.empty()) {
    out.push_back(answer(abi::SECCOMP_RET_ALLOW));
  } else {
    const Code search = emit_search(numbers);
    out.insert(out.end(), search.begin(), search.end());
  }
  SKEP_CHECK(out.size() <= 4096);
  return out;
}

}  // namespace skep::supervisor
