// Helpers on strings and numbers in text: strtol, strtoul, strncmp.
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "helpers/impl.h"

namespace skep::helpers {
namespace {

constexpr uint64_t kBaseMask = 0x1f;
constexpr size_t kLongestNumber = 63;  // more characters than any base needs

struct Parsed {
  int error = 0;  // positive errno
  bool negative = false;
  uint64_t magnitude = 0;
  size_t consumed = 0;  // characters, with blanks and sign
};

std::optional<unsigned> digit(char c, unsigned base) {
  unsigned value;
  if (c >= '0' && c <= '9')
    value = static_cast<unsigned>(c - '0');
  else if (isxdigit(static_cast<unsigned char>(c)))
    value = static_cast<unsigned>(tolower(c) - 'a' + 10);
  else
    return std::nullopt;
  if (value >= base) return std::nullopt;
  return value;
}

// Removes "0x" and settles base 0, as C does.
unsigned settle_base(std::string_view& text, unsigned base) {
  const bool zero = text.size() > 0 && text[0] == '0';
  const bool hex = zero && text.size() > 1 && tolower(text[1]) == 'x';
  if (base == 0) {
    if (!zero) return 10;
    base = hex && text.size() > 2 && isxdigit(static_cast<unsigned char>(text[2])) ? 16 : 8;
  }
  if (base == 16 && hex) text.remove_prefix(2);
  return base;
}

Parsed parse(std::string_view text, uint64_t flags) {
  const uint64_t base_flag = flags & kBaseMask;
  const bool base_known = base_flag == 0 || base_flag == 8 || base_flag == 10 || base_flag == 16;
  if (text.empty() || !base_known || (flags & ~kBaseMask) != 0) return {.error = EINVAL};
  Parsed parsed;
  size_t start = 0;
  while (start < text.size() && isspace(static_cast<unsigned char>(text[start]))) ++start;
  parsed.negative = start < text.size() && text[start] == '-';
  if (parsed.negative) ++start;
  std::string_view rest = text.substr(start, kLongestNumber);
  if (rest.empty()) return {.error = EINVAL};
  const size_t before = rest.size();
  const unsigned base = settle_base(rest, static_cast<unsigned>(base_flag));
  size_t digits = 0;
  bool overflow = false;
  for (std::optional<unsigned> value; digits < rest.size() && (value = digit(rest[digits], base)); ++digits) {
    overflow |= __builtin_mul_overflow(parsed.magnitude, base, &parsed.magnitude);
    overflow |= __builtin_add_overflow(parsed.magnitude, *value, &parsed.magnitude);
  }
  if (overflow) return {.error = ERANGE};
  if (digits == 0) return {.error = EINVAL};
  parsed.consumed = start + (before - rest.size()) + digits;
  return parsed;
}

std::string_view text_of(uint64_t address, uint64_t size) {
  return {reinterpret_cast<const char*>(address), static_cast<size_t>(size)};
}

uint64_t failure(int error) { return static_cast<uint64_t>(-int64_t{error}); }

}  // namespace

uint64_t strtol_helper(uint64_t buffer, uint64_t size, uint64_t flags, uint64_t result, uint64_t,
                       RunContext&) {
  auto* out = reinterpret_cast<int64_t*>(result);
  *out = 0;
  const Parsed parsed = parse(text_of(buffer, size), flags);
  if (parsed.error != 0) return failure(parsed.error);
  const uint64_t limit = uint64_t{INT64_MAX} + (parsed.negative ? 1 : 0);
  if (parsed.magnitude > limit) return failure(ERANGE);
  *out = static_cast<int64_t>(parsed.negative ? uint64_t{0} - parsed.magnitude : parsed.magnitude);
  return parsed.consumed;
}

uint64_t strtoul_helper(uint64_t buffer, uint64_t size, uint64_t flags, uint64_t result, uint64_t,
                        RunContext&) {
  auto* out = reinterpret_cast<uint64_t*>(result);
  *out = 0;
  const Parsed parsed = parse(text_of(buffer, size), flags);
  if (parsed.error != 0) return failure(parsed.error);
  if (parsed.negative) return failure(EINVAL);
  *out = parsed.magnitude;
  return parsed.consumed;
}

uint64_t strncmp_helper(uint64_t first, uint64_t size, uint64_t second, uint64_t, uint64_t, RunContext&) {
  const auto* a = reinterpret_cast<const unsigned char*>(first);
  const auto* b = reinterpret_cast<const unsigned char*>(second);
  for (uint64_t index = 0; index < size; ++index) {
    if (a[index] != b[index]) return static_cast<uint64_t>(a[index] < b[index] ? int64_t{-1} : int64_t{1});
    if (a[index] == 0) return 0;
  }
  return 0;
}

}  // namespace skep::helpers
