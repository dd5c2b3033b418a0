// The emitters: one function a family of operations, and the table that leads from an operation to its own.
//
// `instruction` is the x86 instruction (asmjit's id) that makes the difference between the members of a
// family.
#pragma once

#include "base/result.h"
#include "exec/jit/x86_64/assembly.h"

namespace skep::exec::jit::x86_64 {

using EmitFn = void (*)(Assembly& out, const Site& site, uint32_t instruction);

struct Emitter {
  EmitFn emit = nullptr;  // null: Linux, too, refuses the operation in a running program
  uint32_t instruction = 0;
  bool calls =
      false;  // other code runs meanwhile: needs an aligned frame and the RunContext, and r1..r5 are lost
};
const Emitter& emitter_of(isa::Operation operation);

// emit_alu.cpp
void emit_alu(Assembly& out, const Site& site, uint32_t instruction);
void emit_multiply(Assembly& out, const Site& site, uint32_t instruction);
void emit_negate(Assembly& out, const Site& site, uint32_t instruction);
void emit_move(Assembly& out, const Site& site, uint32_t instruction);
void emit_move_signed(Assembly& out, const Site& site, uint32_t instruction);
void emit_shift(Assembly& out, const Site& site, uint32_t instruction);
void emit_to_little_endian(Assembly& out, const Site& site, uint32_t instruction);
void emit_swap_bytes(Assembly& out, const Site& site, uint32_t instruction);
void emit_load_imm64(Assembly& out, const Site& site, uint32_t instruction);
void emit_addr_space_cast(Assembly& out, const Site& site, uint32_t instruction);
void emit_per_cpu_address(Assembly& out, const Site& site, uint32_t instruction);
void emit_nospec(Assembly& out, const Site& site, uint32_t instruction);

// emit_divide.cpp
void emit_divide(Assembly& out, const Site& site, uint32_t instruction);

// emit_memory.cpp
void emit_load(Assembly& out, const Site& site, uint32_t instruction);
void emit_store(Assembly& out, const Site& site, uint32_t instruction);

// emit_atomic.cpp
void emit_atomic_plain(Assembly& out, const Site& site, uint32_t instruction);
void emit_atomic_exchange(Assembly& out, const Site& site, uint32_t instruction);
void emit_atomic_fetch_loop(Assembly& out, const Site& site, uint32_t instruction);
void emit_atomic_cmpxchg(Assembly& out, const Site& site, uint32_t instruction);

// emit_control.cpp
void emit_jump(Assembly& out, const Site& site, uint32_t instruction);
void emit_compare_jump(Assembly& out, const Site& site, uint32_t instruction);
void emit_may_goto(Assembly& out, const Site& site, uint32_t instruction);
void emit_call_helper(Assembly& out, const Site& site, uint32_t instruction);
void emit_call_subprog(Assembly& out, const Site& site, uint32_t instruction);
void emit_exit(Assembly& out, const Site& site, uint32_t instruction);
void emit_packet_load(Assembly& out, const Site& site, uint32_t instruction);

// emit_tail_call.cpp
void emit_tail_call(Assembly& out, const Site& site, uint32_t instruction);

}  // namespace skep::exec::jit::x86_64
