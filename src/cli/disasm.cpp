// skep disasm: the instructions of an object's programs, in the kernel's notation.
#include <fmt/format.h>

#include "abi/insn.h"
#include "cli/commands.h"
#include "cli/loader.h"
#include "cli/output.h"
#include "helpers/proto.h"
#include "isa/text.h"

namespace skep::cli {
namespace {

isa::Naming naming() {
  isa::Naming result = isa::symbolic_naming();
  result.call = [](const isa::Insn& insn) -> std::string {
    if (insn.src != 0 || !helpers::is_known_id(static_cast<uint32_t>(insn.imm))) return {};
    return fmt::format("{}#{}", helpers::name_of(static_cast<uint32_t>(insn.imm)), insn.imm);
  };
  return result;
}

std::string bytes_of(std::span<const isa::Insn> insns) { return to_hex(std::as_bytes(insns)); }

void print_program(const ProgramInfo& program, std::span<const isa::Insn> insns, bool bytes) {
  fmt::print("{} ({}, {}):\n", program.name, program.section, program.type);
  const isa::Naming names = naming();
  for (size_t i = 0; i < insns.size();) {
    const isa::InsnDesc* desc = isa::describe(insns[i]);
    const size_t slots = desc && i + 1 < insns.size() ? static_cast<size_t>(isa::slots(*desc)) : 1;
    const std::string raw = bytes ? fmt::format("{:<33}", bytes_of(insns.subspan(i, slots))) : std::string();
    fmt::print("{:4}: {}{}\n", i, raw, isa::print(insns.subspan(i), names));
    i += slots;
  }
}

}  // namespace

int disasm_command(const DisasmOptions& options) {
  const Result<ObjectFile> object = ObjectFile::open(options.object);
  if (!object) return complain(object.error());
  bool found = false;
  for (const ProgramInfo& program : object->programs()) {
    if (!options.program.empty() && program.name != options.program) continue;
    const Result<std::vector<isa::Insn>> insns = object->instructions(program.name);
    if (!insns) return complain(insns.error());
    if (found) fmt::print("\n");
    found = true;
    print_program(program, *insns, options.bytes);
  }
  if (found) return 0;
  return complain(options.program.empty() ? options.object + ": no programs"
                                          : options.object + ": no program named " + options.program);
}

}  // namespace skep::cli
