// The checks of a program's form, before any path is followed; each stage in a file of its own, in the order
// in which check() runs them.
#pragma once

#include "verifier/context.h"

namespace skep::verifier {

Check find_subprograms(Context& c);                   // and each instruction's row
Check check_subprogram_bounds(Context& c);            // jumps stay inside, the last instruction leaves
Check check_program_info_early(Context& c);           // func_info before the subprograms are known
Check check_program_info(Context& c);                 // func_info and line_info against the subprograms
Check learn_arguments(Context& c, uint32_t subprog);  // of a global function, from its BTF
Check resolve_wide_loads(Context& c);  // maps, functions; also reserved fields and unknown opcodes
Check check_control_flow(Context& c);  // reachability, back edges, prune and jump points
void find_loops(Context& c);           // InsnInfo::loop
void find_live_registers(Context& c);  // InsnInfo::live_registers
Check check_stack_depth(Context& c);   // after exploration

// Registers that an instruction reads and writes (bit sets).
struct RegisterUse {
  uint16_t reads = 0;
  uint16_t writes = 0;
};
RegisterUse register_use(const Context& c, int32_t insn);
// Where control can go after the instruction, calls returning: up to two.
struct Successors {
  int count = 0;
  int32_t targets[2];
  void add(int32_t t) { targets[count++] = t; }
};
Successors successors(const Context& c, int32_t insn);

}  // namespace skep::verifier
