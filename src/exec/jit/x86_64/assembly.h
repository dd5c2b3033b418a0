// Assembly: what all emitters of the x86-64 JIT share: the register mapping, the frame of the subprogram that
// is being emitted, labels, and code that is put out of the straight line.
//
//   BPF   r0  r1  r2  r3  r4  r5  r6  r7  r8  r9  r10 aux
//   x86   rax rdi rsi rdx rcx r8  rbx r13 r14 r15 rbp r10        r12 = RunContext*    scratch: r9, r11,
//   [rsp-8]
//
// As in Linux's JIT, r1..r5 are where a C function expects its arguments, and r6..r9 are callee-saved. The
// sixth argument of a helper, the RunContext, goes to r9. [rsp-8] lies in the red zone of the System V ABI.
//
// The frame of a subprogram, from high to low; every part but the first is there only when it is used:
//
//   return address | caller's rbp | BPF stack, budget | caller's r12 (entry only) | caller's rbx, r13, r14,
//   r15
//                                 ^ rbp = r10
//
// A tail call takes down the whole frame and jumps to the entry of the other image with (rdi = ctx, rsi =
// run), which is how C++ calls it, too.
#pragma once

#include <asmjit/x86.h>

#include <cstdint>
#include <vector>

#include "exec/executable.h"
#include "exec/jit/image.h"
#include "exec/jit/x86_64/compiler.h"
#include "exec/loop_budget.h"
#include "isa/insn.h"

namespace skep::exec::jit::x86_64 {

using asmjit::Label;
using asmjit::x86::Gp;
using asmjit::x86::Mem;

inline constexpr Gp kRun = asmjit::x86::r12;
inline constexpr Gp kScratch = asmjit::x86::r11;
inline constexpr Gp kScratch2 = asmjit::x86::r9;

// Machine register of a BPF register, all 64 bits.
Gp machine_register(uint8_t bpf_register);
// Its low part.
Gp sized(Gp reg, uint32_t bytes);
inline Gp sized(const Gp& reg, isa::Width width) { return sized(reg, static_cast<uint32_t>(width) / 8); }

// One instruction as its emitter sees it.
struct Site {
  const isa::InsnDesc& row;
  const isa::Insn& insn;
  const InsnFacts& facts;
  uint32_t index;

  Gp dst() const { return machine_register(insn.dst); }
  Gp src() const { return machine_register(insn.src); }
  Gp dst_sized() const { return sized(dst(), row.width); }
  Gp src_sized() const { return sized(src(), row.width); }
  bool has_imm() const { return row.source == isa::Source::kImm; }
  int32_t imm() const { return insn.imm; }
};

// What the prologue and each exit of a subprogram do.
struct Frame {
  bool frame_pointer = false;
  bool saves_run = false;       // the entry, when anything in the program needs the RunContext
  bool has_budget = false;      // may_goto: the count of iterations left stands below the BPF stack
  uint8_t saved_registers = 0;  // bit n: BPF register 6+n
  uint32_t stack_bytes = 0;     // BPF stack
  uint32_t local_bytes = 0;     // BPF stack, budget and alignment

  int32_t budget_offset() const {
    return -static_cast<int32_t>(stack_bytes + sizeof(LoopBudget));
  }  // from rbp
};

// Code out of the straight line, put out after the subprogram: clear `reg` or call `routine`, then `resume`.
struct Detour {
  Label start;
  Label resume;
  Gp cleared;
  Label routine;
};

// `call rel32` to be completed when the place of the code is known.
struct PendingCall {
  uint32_t end;  // offset of the instruction after the call
  const void* target;
};

struct PendingFault {
  uint32_t offset;  // of the instruction that may fault
  uint8_t cleared;  // machine register that becomes zero, or fault::kNoRegister
  uint32_t resume;  // offset; the place may be emitted later
};

class Assembly {
 public:
  Assembly(asmjit::CodeHolder& holder, const Executable& program, const Target& target);

  asmjit::x86::Assembler a;
  const Executable& program;
  const Target target;
  Frame frame;                               // of the subprogram in hand
  maps::Map* map_in_r2 = nullptr;            // what r2 is known to hold here
  std::unique_ptr<JitFunction[]> functions;  // once an instruction names one
  std::vector<Detour> detours;               // of the subprogram in hand
  std::vector<PendingFault> faults;
  std::vector<PendingCall> calls;

  uint32_t offset() const { return static_cast<uint32_t>(a.offset()); }
  // The label of an instruction, made on first use; bound by the loop over instructions.
  Label label_of(uint32_t index);
  // The entry of a subprogram, before its prologue.
  Label entry_of(uint32_t subprogram) const { return Label(entries_[subprogram]); }
  // Where the subprogram in hand ends, for ends that are not exit instructions.
  Label exit_label();
  // A routine that refills the budget of its caller's frame and changes no register.
  Label refill_routine();

  void prologue();
  // Takes the frame down; a return or jump follows.
  void epilogue();
  // What stands behind the last instruction of a subprogram.
  void finish_subprogram();

  // In the shortest form; flags are lost.
  void move_imm(Gp reg, uint64_t value);
  // Calls C++; r0..r5 arrive as they are, r9 and r11 are lost before, all caller-saved registers after it.
  void call(const void* function);
  const void* function_address(uint32_t subprogram);
  // What stands behind the last subprogram.
  void finish();

 private:
  void clear_stack();

  std::vector<uint32_t> labels_;   // asmjit's ids by instruction index
  std::vector<uint32_t> entries_;  // and by subprogram
  Label exit_;
  Label refill_;
};

}  // namespace skep::exec::jit::x86_64
