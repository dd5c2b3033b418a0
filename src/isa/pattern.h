// How each row is written: literal text and slots. Printer and assembler walk the same pattern.
//
//   %d %s   destination, source register    %i  immediate, decimal      %o  off, always signed
//   %m      the row's mnemonic              %x  immediate, 0x           %j  jump by off: pc+N
//   %b      bits of the memory operand      %w  64-bit constant, 0x     %l  jump by imm: pc+N
//   %a      "64" for 64-bit atomics         %h %k  halves of imm        %c  call target
#pragma once

#include <string_view>

#include "isa/insn.h"

namespace skep::isa {

std::string_view pattern(const InsnDesc& desc);

// 'w' for the 32-bit view of a register, where the notation makes the difference.
char register_letter(const InsnDesc& desc);

}  // namespace skep::isa
