#include "helpers/format.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <optional>

#include "fmt/format.h"
#include "helpers/memory_access.h"

namespace skep::helpers {
namespace {

constexpr size_t kLongestString = 1024;  // bytes that one %s may bring

enum class Conversion : uint8_t {
  kSigned,
  kUnsigned,
  kHex,
  kUpperHex,
  kChar,
  kString,
  kKernelString,
  kUserString,
  kPointer,
  kPlainPointer,
  kSymbol,
  kIp4Dotted,
  kIp4Padded,
  kIp6Colons,
  kIp6Plain,
};

struct Spec {
  Conversion conversion = Conversion::kSigned;
  bool zero_pad = false, left = false, plus = false, blank = false;
  uint32_t width = 0;
  uint8_t bytes = 4;  // of the argument that counts
  size_t end = 0;     // index behind the specification
};

bool is_punctuation(char c) { return ispunct(static_cast<unsigned char>(c)) != 0; }
bool is_blank(char c) { return isspace(static_cast<unsigned char>(c)) != 0; }

// Characters of the string, 0 past its end.
class Cursor {
 public:
  Cursor(std::string_view text, size_t at) : text_(text), at_(at) {}
  char operator[](size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  void skip(size_t count) { at_ += count; }
  size_t at() const { return at_; }
  // The character `ahead` ends a word: nothing, blank or punctuation.
  bool word_ends(size_t ahead) const {
    const char c = (*this)[ahead];
    return c == '\0' || is_blank(c) || is_punctuation(c);
  }

 private:
  std::string_view text_;
  size_t at_;
};

std::optional<Spec> finish(Spec spec, Conversion conversion, const Cursor& cursor, size_t length) {
  spec.conversion = conversion;
  spec.end = cursor.at() + length;
  return spec;
}

// %p and what may follow it; the cursor stands on the p.
std::optional<Spec> parse_pointer_kind(Spec spec, const Cursor& cursor) {
  spec.bytes = 8;
  const char kind = cursor[1], digit = cursor[2];
  if (cursor.word_ends(1)) return finish(spec, Conversion::kPointer, cursor, 1);
  if ((kind == 'k' || kind == 'u') && digit == 's') {
    if (!cursor.word_ends(3)) return std::nullopt;
    return finish(spec, kind == 'k' ? Conversion::kKernelString : Conversion::kUserString, cursor, 3);
  }
  switch (kind) {
    case 'K':
      return finish(spec, Conversion::kPointer, cursor, 2);
    case 'x':
      return finish(spec, Conversion::kPlainPointer, cursor, 2);
    case 's':
    case 'S':
    case 'B':
      return finish(spec, Conversion::kSymbol, cursor, 2);
    case 'i':
    case 'I':
      break;
    default:
      return std::nullopt;
  }
  if (digit == '4')
    return finish(spec, kind == 'i' ? Conversion::kIp4Padded : Conversion::kIp4Dotted, cursor, 3);
  if (digit == '6')
    return finish(spec, kind == 'i' ? Conversion::kIp6Plain : Conversion::kIp6Colons, cursor, 3);
  return std::nullopt;
}

// Letters and digits right behind a pointer's kind belong to it and print nothing.
std::optional<Spec> parse_pointer(Spec spec, const Cursor& cursor) {
  std::optional<Spec> parsed = parse_pointer_kind(spec, cursor);
  if (!parsed) return parsed;
  while (isalnum(static_cast<unsigned char>(cursor[parsed->end - cursor.at()])) != 0) ++parsed->end;
  return parsed;
}

std::optional<Spec> parse_number(Spec spec, Cursor cursor) {
  if (cursor[0] == 'l') {
    spec.bytes = 8;
    cursor.skip(1);
  }
  if (cursor[0] == 'l') cursor.skip(1);
  switch (cursor[0]) {
    case 'i':
    case 'd':
      return finish(spec, Conversion::kSigned, cursor, 1);
    case 'u':
      return finish(spec, Conversion::kUnsigned, cursor, 1);
    case 'x':
      return finish(spec, Conversion::kHex, cursor, 1);
    case 'X':
      return finish(spec, Conversion::kUpperHex, cursor, 1);
    default:
      return std::nullopt;
  }
}

// The specification whose '%' stands at `at`.
std::optional<Spec> parse_spec(std::string_view format, size_t at) {
  Spec spec;
  Cursor cursor(format, at + 1);
  for (;; cursor.skip(1)) {
    if (cursor[0] == '0')
      spec.zero_pad = true;
    else if (cursor[0] == '-')
      spec.left = true;
    else if (cursor[0] == '+')
      spec.plus = true;
    else if (cursor[0] == ' ')
      spec.blank = true;
    else
      break;
  }
  for (; isdigit(static_cast<unsigned char>(cursor[0])) != 0; cursor.skip(1))
    spec.width = std::min<uint32_t>(spec.width * 10 + static_cast<uint32_t>(cursor[0] - '0'), kMaxTraceLine);
  if (cursor[0] == 'p') return parse_pointer(spec, cursor);
  if (cursor[0] == 'c') return finish(spec, Conversion::kChar, cursor, 1);
  if (cursor[0] != 's') return parse_number(spec, cursor);
  if (!cursor.word_ends(1)) return std::nullopt;
  return finish(spec, Conversion::kString, cursor, 1);
}

void pad(std::string& out, const Spec& spec, std::string_view sign, std::string_view body) {
  const size_t length = sign.size() + body.size();
  const size_t missing = spec.width > length ? spec.width - length : 0;
  const bool zeroes = spec.zero_pad && !spec.left;
  if (!spec.left && !zeroes) out.append(missing, ' ');
  out += sign;
  if (zeroes) out.append(missing, '0');
  out += body;
  if (spec.left) out.append(missing, ' ');
}

void format_number(std::string& out, const Spec& spec, uint64_t value) {
  if (spec.conversion != Conversion::kSigned) {
    if (spec.bytes == 4) value = static_cast<uint32_t>(value);
    if (spec.conversion == Conversion::kHex) return pad(out, spec, "", fmt::format("{:x}", value));
    if (spec.conversion == Conversion::kUpperHex) return pad(out, spec, "", fmt::format("{:X}", value));
    return pad(out, spec, "", fmt::format("{}", value));
  }
  const int64_t number = spec.bytes == 4 ? static_cast<int32_t>(value) : static_cast<int64_t>(value);
  const uint64_t magnitude =
      number < 0 ? uint64_t{0} - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  pad(out, spec, number < 0 ? "-" : spec.plus ? "+" : spec.blank ? " " : "", fmt::format("{}", magnitude));
}

// %p shows no addresses: a number that stands for one. Null and error values are no addresses.
void format_pointer(std::string& out, const Spec& spec, uint64_t value) {
  constexpr uint64_t kLastError = static_cast<uint64_t>(-4095);
  uint64_t shown = value;
  if (spec.conversion == Conversion::kPointer && value != 0 && value < kLastError)
    shown = (value * 0x9e3779b97f4a7c15 >> 32);
  pad(out, spec, "", fmt::format("{:016x}", shown));
}

void format_string(RunContext& run, std::string& out, const Spec& spec, uint64_t address) {
  std::array<std::byte, kLongestString> buffer;
  AddressSpace space = AddressSpace::kByAddress;
  if (spec.conversion == Conversion::kKernelString) space = AddressSpace::kKernel;
  if (spec.conversion == Conversion::kUserString) space = AddressSpace::kUser;
  const int64_t length = read_string(run, space, address, buffer);
  Spec blanks = spec;
  blanks.zero_pad = false;
  const size_t shown = length > 0 ? static_cast<size_t>(length - 1) : 0;
  pad(out, blanks, "", {reinterpret_cast<const char*>(buffer.data()), shown});
}

std::string ip4_text(const uint8_t* bytes, bool padded) {
  if (padded) return fmt::format("{:03}.{:03}.{:03}.{:03}", bytes[0], bytes[1], bytes[2], bytes[3]);
  return fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
}

std::string ip6_text(const uint8_t* bytes, bool colons) {
  std::string text;
  for (int group = 0; group < 8; ++group) {
    if (colons && group > 0) text += ':';
    text += fmt::format("{:02x}{:02x}", bytes[2 * group], bytes[2 * group + 1]);
  }
  return text;
}

void format_address(RunContext& run, std::string& out, const Spec& spec, uint64_t address) {
  std::array<std::byte, 16> buffer{};
  const bool four = spec.conversion == Conversion::kIp4Dotted || spec.conversion == Conversion::kIp4Padded;
  const std::span<std::byte> wanted = std::span(buffer).first(four ? 4 : 16);
  if (!read_memory(run, AddressSpace::kKernel, address, wanted)) buffer.fill(std::byte{0});
  const auto* bytes = reinterpret_cast<const uint8_t*>(buffer.data());
  Spec blanks = spec;
  blanks.zero_pad = false;
  blanks.width = 0;
  blanks.left = false;
  pad(out, blanks, "",
      four ? ip4_text(bytes, spec.conversion == Conversion::kIp4Padded)
           : ip6_text(bytes, spec.conversion == Conversion::kIp6Colons));
}

void format_one(RunContext& run, std::string& out, const Spec& spec, uint64_t argument) {
  switch (spec.conversion) {
    case Conversion::kSigned:
    case Conversion::kUnsigned:
    case Conversion::kHex:
    case Conversion::kUpperHex:
      return format_number(out, spec, argument);
    case Conversion::kChar: {
      const char c = static_cast<char>(argument);
      Spec blanks = spec;
      blanks.zero_pad = false;
      return pad(out, blanks, "", {&c, 1});
    }
    case Conversion::kString:
    case Conversion::kKernelString:
    case Conversion::kUserString:
      return format_string(run, out, spec, argument);
    case Conversion::kPointer:
    case Conversion::kPlainPointer:
      return format_pointer(out, spec, argument);
    case Conversion::kSymbol:  // no address of ours has a name
      return pad(out, spec, "", fmt::format("0x{:x}", argument));
    case Conversion::kIp4Dotted:
    case Conversion::kIp4Padded:
    case Conversion::kIp6Colons:
    case Conversion::kIp6Plain:
      return format_address(run, out, spec, argument);
  }
}

// Calls emit_text(piece) and emit_spec(spec, index) over the string; -EINVAL when it is malformed.
template <class Text, class Specification>
int walk(std::string_view format, size_t arguments, Text emit_text, Specification emit_spec) {
  const size_t length = format.find('\0');
  if (length == std::string_view::npos) return -EINVAL;
  format = format.substr(0, length);
  size_t used = 0;
  for (size_t at = 0; at < format.size();) {
    const auto c = static_cast<unsigned char>(format[at]);
    if (c < 0x80 && isprint(c) == 0 && isspace(c) == 0) return -EINVAL;
    if (c != '%') {
      emit_text(format.substr(at++, 1));
      continue;
    }
    if (at + 1 < format.size() && format[at + 1] == '%') {
      emit_text("%");
      at += 2;
      continue;
    }
    if (used >= arguments) return -EINVAL;
    const std::optional<Spec> spec = parse_spec(format, at);
    if (!spec) return -EINVAL;
    emit_spec(*spec, used++);
    at = spec->end;
  }
  return 0;
}

}  // namespace

int check_format(std::string_view format, size_t arguments) {
  return walk(format, arguments, [](std::string_view) {}, [](const Spec&, size_t) {});
}

int format_text(RunContext& run, std::string_view format, std::span<const uint64_t> arguments,
                std::string& out) {
  return walk(
      format, arguments.size(), [&](std::string_view text) { out += text; },
      [&](const Spec& spec, size_t index) { format_one(run, out, spec, arguments[index]); });
}

}  // namespace skep::helpers
