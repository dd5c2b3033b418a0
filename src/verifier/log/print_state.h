// The lines of the log that show instructions, registers and source, in Linux 6.18's notation.
#pragma once

#include <string>

#include "verifier/context.h"

namespace skep::verifier {

std::string type_name(RegKind kind, uint8_t flags);  // "map_value_or_null"
std::string render_register(int shown_frame, const RegState& reg);
// Registers and stack slots of `frame`; only those that changed since the last print unless `all`.
void print_state(Context& c, const VerifierState& state, int frame, bool all);
// The state at the end of the instruction's own line, behind ';'.
void print_insn_state(Context& c, const VerifierState& state, int frame);
// "; source @ file:line" when the instruction begins a line that was not shown just before.
void print_source_line(Context& c, int32_t insn, std::string_view prefix);
void print_insn(Context& c, int32_t insn);  // "(b7) r0 = 1\n"
std::string insn_text(const Context& c, int32_t insn);
std::string tnum_text(Tnum t);            // "(0x0; 0xff)", "8"
std::string register_set(uint32_t mask);  // "r1,r6"
std::string slot_set(uint64_t mask);      // "-8,-24"

}  // namespace skep::verifier
