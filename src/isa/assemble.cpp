// assemble(): each line is held against the pattern of each row; the first row that fits makes the
// instruction.
#include <fmt/format.h>

#include <charconv>
#include <map>
#include <optional>

#include "abi/insn.h"
#include "isa/pattern.h"
#include "isa/text.h"

namespace skep::isa {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}
bool is_name(char c) { return is_name_start(c) || is_digit(c); }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// The text that is left of a line while it is matched.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}
  bool done() const { return trim(rest_).empty(); }
  std::string_view rest() const { return rest_; }

  bool spaces() {  // one or more
    const size_t before = rest_.size();
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
    return rest_.size() != before;
  }
  bool literal(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  std::string_view name() {
    size_t size = 0;
    if (!rest_.empty() && is_name_start(rest_.front()))
      while (size < rest_.size() && is_name(rest_[size])) ++size;
    const std::string_view name = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return name;
  }
  // A number with an optional sign, decimal or 0x. As 64 bits, negative ones in two's complement; nothing
  // when it is not in [low, high], where `high` bounds the magnitude of unsigned spellings.
  std::optional<uint64_t> number(int64_t low, uint64_t high, bool decimal_only = false) {
    std::string_view text = rest_;
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    const bool hexadecimal = text.starts_with("0x");
    if (hexadecimal) text.remove_prefix(2);
    if (hexadecimal && decimal_only) return std::nullopt;
    uint64_t magnitude = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), magnitude, hexadecimal ? 16 : 10);
    if (error != std::errc{}) return std::nullopt;
    if (negative ? magnitude > uint64_t{0} - static_cast<uint64_t>(low) : magnitude > high)
      return std::nullopt;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return negative ? uint64_t{0} - magnitude : magnitude;
  }

 private:
  std::string_view rest_;
};

// A line read: the instruction, and the label that its jump or call goes to.
struct Parsed {
  const InsnDesc* desc = nullptr;
  Insn insn;
  int32_t high = 0;  // imm of the second slot
  std::string_view label;
};

// Matches one row's pattern.
class RowMatcher {
 public:
  RowMatcher(const InsnDesc& desc, std::string_view text) : desc_(desc), at_(text) {
    parsed_.desc = &desc;
    parsed_.insn.code = desc.code;
    if (desc.off_key != kAny) parsed_.insn.off = static_cast<int16_t>(desc.off_key);
    if (desc.imm_key != kAny) parsed_.insn.imm = desc.imm_key;
    if (desc.src_key != kAny) parsed_.insn.src = static_cast<uint8_t>(desc.src_key) & 0xf;
  }

  std::optional<Parsed> match() {
    const std::string_view form = pattern(desc_);
    for (size_t i = 0; i < form.size(); ++i) {
      const bool fits = form[i] == ' '   ? at_.spaces()
                        : form[i] == '%' ? slot(form[++i])
                                         : at_.literal(form.substr(i, 1));
      if (!fits) return std::nullopt;
    }
    if (!at_.done()) return std::nullopt;
    return parsed_;
  }

 private:
  bool slot(char letter) {
    switch (letter) {
      case 'd':
        return reg(dst_seen_, [&](uint8_t r) { parsed_.insn.dst = r & 0xf; });
      case 's':
        return reg(src_seen_, [&](uint8_t r) { parsed_.insn.src = r & 0xf; });
      case 'm':
        return at_.literal(desc_.mnemonic);
      case 'b':
        return at_.literal(fmt::format("{}", desc_.mem_bytes * 8));
      case 'a':
        return desc_.width != Width::k64 || at_.literal("64");
      case 'i':
      case 'x':
        return immediate(desc_.operation == Operation::kMov);
      case 'w':
        return wide();
      case 'h':
        return half(16);
      case 'k':
        return half(0);
      case 'o':
        return offset();
      case 'j':
      case 'l':
        return jump(letter == 'j');
      case 'c':
        return call();
      default:
        return false;
    }
  }

  // A register that stands twice in a pattern must be the same one.
  template <class Set>
  bool reg(int& seen, Set set) {
    const char letter = register_letter(desc_);
    if (!at_.literal({&letter, 1})) return false;
    const auto number = at_.number(0, kAuxRegister, true);
    if (!number || (seen >= 0 && seen != static_cast<int>(*number))) return false;
    seen = static_cast<int>(*number);
    set(static_cast<uint8_t>(*number));
    return true;
  }

  bool immediate(bool decimal_only) {
    const auto value = at_.number(INT32_MIN, UINT32_MAX, decimal_only);
    if (value) parsed_.insn.imm = static_cast<int32_t>(*value);
    return value.has_value();
  }

  bool half(int shift) {
    const auto value = at_.number(0, UINT16_MAX);
    if (value)
      parsed_.insn.imm = static_cast<int32_t>(static_cast<uint32_t>(parsed_.insn.imm) |
                                              static_cast<uint32_t>(*value) << shift);
    return value.has_value();
  }

  bool offset() {
    const auto value = at_.number(INT16_MIN, INT16_MAX);
    if (value) parsed_.insn.off = static_cast<int16_t>(*value);
    return value.has_value();
  }

  bool jump(bool by_off) {
    if (at_.rest().starts_with("pc+") || at_.rest().starts_with("pc-")) {
      at_.literal("pc");
      return by_off ? offset() : immediate(true);
    }
    parsed_.label = at_.name();
    return !parsed_.label.empty();
  }

  // "pc+N" or a label calls a subprogram, "kernel-function#N" a kfunc, "NAME#N" a helper.
  bool call() {
    if (desc_.operation == Operation::kCallSubprog) return jump(false);
    if (desc_.operation == Operation::kCallKfunc) return at_.literal("kernel-function#") && immediate(true);
    return !at_.name().empty() && at_.literal("#") && immediate(true);
  }

  bool wide() {
    switch (desc_.src_key) {
      case abi::BPF_PSEUDO_MAP_FD:
        return at_.literal("map[fd:") && immediate(true) && at_.literal("]");
      case abi::BPF_PSEUDO_MAP_VALUE:
        return at_.literal("map[fd:") && immediate(true) && at_.literal("][0]+") && second();
      case abi::BPF_PSEUDO_BTF_ID:
        return at_.literal("btf[") && immediate(true) && at_.literal("][") && second() && at_.literal("]");
      case abi::BPF_PSEUDO_FUNC:
        return at_.literal("subprog[") && immediate(true) && at_.literal("]");
      case abi::BPF_PSEUDO_MAP_IDX:
        return at_.literal("map[idx:") && immediate(true) && at_.literal("]");
      case abi::BPF_PSEUDO_MAP_IDX_VALUE:
        return at_.literal("map[idx:") && immediate(true) && at_.literal("][0]+") && second();
      default:
        break;
    }
    if (!at_.rest().starts_with("0x")) return false;
    const auto value = at_.number(0, UINT64_MAX);
    if (!value) return false;
    parsed_.insn.imm = static_cast<int32_t>(*value);
    parsed_.high = static_cast<int32_t>(*value >> 32);
    return true;
  }

  bool second() {
    const auto value = at_.number(INT32_MIN, UINT32_MAX, true);
    if (value) parsed_.high = static_cast<int32_t>(*value);
    return value.has_value();
  }

  const InsnDesc& desc_;
  Cursor at_;
  Parsed parsed_;
  int dst_seen_ = -1, src_seen_ = -1;
};

std::optional<uint8_t> take_opcode(std::string_view& text) {
  if (text.size() < 4 || text[0] != '(' || text[3] != ')') return std::nullopt;
  uint8_t code = 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + 3, code, 16);
  if (error != std::errc{} || end != text.data() + 3) return std::nullopt;
  text = trim(text.substr(4));
  return code;
}

// With an opcode in front only its rows count; without, only rows that a client may load.
std::optional<Parsed> parse(std::string_view text) {
  const auto code = take_opcode(text);
  for (const InsnDesc& desc : table()) {
    if (code ? desc.code != *code
             : desc.group == Group::kInternal && desc.operation != Operation::kCallIndirect)
      continue;
    if (auto parsed = RowMatcher(desc, text).match()) return parsed;
  }
  return std::nullopt;
}

// Takes "name:" or an index "12:" off the front. Empty when there is none.
std::string_view take_label(std::string_view& line) {
  size_t size = 0;
  while (size < line.size() && is_name(line[size])) ++size;
  if (size == 0 || size == line.size() || line[size] != ':') return {};
  const std::string_view label = line.substr(0, size);
  line = trim(line.substr(size + 1));
  return label;
}

std::string_view without_comment(std::string_view line) {
  line = line.substr(0, line.find(';'));
  return trim(line.substr(0, line.find("//")));
}

class Assembler {
 public:
  Result<std::vector<Insn>> run(std::string_view text) {
    size_t number = 0;
    while (!text.empty()) {
      const size_t end = text.find('\n');
      SKEP_TRY(line(without_comment(text.substr(0, end)), ++number));
      text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    SKEP_TRY(resolve());
    return std::move(insns_);
  }

 private:
  struct Reference {
    size_t insn, line;
    const InsnDesc* desc;
    std::string_view label;
  };

  Status line(std::string_view line, size_t number) {
    while (true) {
      const std::string_view label = take_label(line);
      if (label.empty()) break;
      if (is_digit(label[0])) continue;
      if (!labels_.emplace(label, insns_.size()).second)
        return fail(EINVAL, fmt::format("line {}: label '{}' stands twice", number, label));
    }
    if (line.empty()) return {};
    const auto parsed = parse(line);
    if (!parsed) return fail(EINVAL, fmt::format("line {}: no instruction is written '{}'", number, line));
    if (!parsed->label.empty()) references_.push_back({insns_.size(), number, parsed->desc, parsed->label});
    insns_.push_back(parsed->insn);
    if (slots(*parsed->desc) == 2) insns_.push_back({.imm = parsed->high});
    return {};
  }

  Status resolve() {
    for (const Reference& reference : references_) {
      const auto label = labels_.find(reference.label);
      if (label == labels_.end())
        return fail(EINVAL, fmt::format("line {}: no label '{}'", reference.line, reference.label));
      const auto away = static_cast<int64_t>(label->second) - static_cast<int64_t>(reference.insn) - 1;
      Insn& insn = insns_[reference.insn];
      if (reference.desc->format == Format::kJumpLong || reference.desc->format == Format::kCall) {
        insn.imm = static_cast<int32_t>(away);
      } else if (away != static_cast<int16_t>(away)) {
        return fail(EINVAL,
                    fmt::format("line {}: label '{}' is too far away", reference.line, reference.label));
      } else {
        insn.off = static_cast<int16_t>(away);
      }
    }
    return {};
  }

  std::vector<Insn> insns_;
  std::map<std::string_view, size_t> labels_;
  std::vector<Reference> references_;
};

}  // namespace

Result<std::vector<Insn>> assemble(std::string_view text) { return Assembler().run(text); }

}  // namespace skep::isa
