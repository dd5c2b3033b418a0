#include "isa/text.h"

#include <fmt/format.h>

#include "abi/insn.h"
#include "isa/pattern.h"

namespace skep::isa {
namespace {

std::string call_target(const Insn& insn, const Naming& naming) {
  if (naming.call) {
    if (std::string name = naming.call(insn); !name.empty()) return name;
  }
  if (insn.src == abi::BPF_PSEUDO_CALL) return fmt::format("pc{:+d}", insn.imm);
  const char* name = insn.src == abi::BPF_PSEUDO_KFUNC_CALL ? "kernel-function" : "unknown";
  return fmt::format("{}#{}", name, insn.imm);
}

std::string wide_constant(std::span<const Insn> at, const Naming& naming) {
  const uint64_t value = at.size() > 1 ? imm64(at[0], at[1]) : static_cast<uint32_t>(at[0].imm);
  if (naming.immediate) {
    if (std::string name = naming.immediate(at[0], value); !name.empty()) return name;
  }
  return fmt::format("{:#x}", value);
}

std::string slot(char letter, const InsnDesc& desc, std::span<const Insn> at, const Naming& naming) {
  const Insn& insn = at[0];
  switch (letter) {
    case 'd':
      return fmt::format("{}{}", register_letter(desc), unsigned{insn.dst});
    case 's':
      return fmt::format("{}{}", register_letter(desc), unsigned{insn.src});
    case 'm':
      return std::string(desc.mnemonic);
    case 'b':
      return fmt::format("{}", desc.mem_bytes * 8);
    case 'a':
      return desc.width == Width::k64 ? "64" : "";
    case 'i':
      return fmt::format("{}", insn.imm);
    case 'x':
      return fmt::format("{:#x}", static_cast<uint32_t>(insn.imm));
    case 'w':
      return wide_constant(at, naming);
    case 'h':
      return fmt::format("{}", static_cast<uint32_t>(insn.imm) >> 16);
    case 'k':
      return fmt::format("{}", static_cast<uint16_t>(insn.imm));
    case 'o':
      return fmt::format("{:+d}", insn.off);
    case 'j':
      return fmt::format("pc{:+d}", insn.off);
    case 'l':
      return fmt::format("pc{:+d}", insn.imm);
    case 'c':
      return call_target(insn, naming);
    default:
      return {};
  }
}

}  // namespace

Naming symbolic_naming() {
  Naming naming;
  naming.immediate = [](const Insn& insn, uint64_t value) -> std::string {
    const uint64_t high = value >> 32;
    switch (insn.src) {
      case abi::BPF_PSEUDO_MAP_FD:
        return fmt::format("map[fd:{}]", insn.imm);
      case abi::BPF_PSEUDO_MAP_VALUE:
        return fmt::format("map[fd:{}][0]+{}", insn.imm, high);
      case abi::BPF_PSEUDO_BTF_ID:
        return fmt::format("btf[{}][{}]", insn.imm, high);
      case abi::BPF_PSEUDO_FUNC:
        return fmt::format("subprog[{:+d}]", insn.imm);
      case abi::BPF_PSEUDO_MAP_IDX:
        return fmt::format("map[idx:{}]", insn.imm);
      case abi::BPF_PSEUDO_MAP_IDX_VALUE:
        return fmt::format("map[idx:{}][0]+{}", insn.imm, high);
      default:
        return {};
    }
  };
  return naming;
}

std::string print(std::span<const Insn> at, const Naming& naming) {
  const InsnDesc* desc = describe(at[0]);
  std::string text = fmt::format("({:02x}) ", at[0].code);
  if (desc == nullptr) return text + "unknown";
  const std::string_view form = pattern(*desc);
  for (size_t i = 0; i < form.size(); ++i) {
    if (form[i] == '%') {
      text += slot(form[++i], *desc, at, naming);
    } else {
      text += form[i];
    }
  }
  return text;
}

}  // namespace skep::isa
