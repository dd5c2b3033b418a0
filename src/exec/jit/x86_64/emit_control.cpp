// Jumps, calls, the end, and packet loads, which may end a program, too.
#include <algorithm>
#include <cstddef>

#include "base/check.h"
#include "exec/jit/x86_64/emitters.h"

namespace skep::exec::jit::x86_64 {
namespace x86 = asmjit::x86;
using helpers::RunContext;
using isa::Operation;

namespace {

Label target_of(Assembly& out, const Site& site) {
  return out.label_of(static_cast<uint32_t>(isa::jump_target(site.row, site.insn, site.index)));
}

}  // namespace

void emit_jump(Assembly& out, const Site& site, uint32_t) {
  if (isa::jump_target(site.row, site.insn, site.index) != site.index + 1) out.a.jmp(target_of(out, site));
}

void emit_compare_jump(Assembly& out, const Site& site, uint32_t instruction) {
  auto& a = out.a;
  const Gp left = site.dst_sized();
  if (site.row.operation == Operation::kJset) {
    if (site.has_imm())
      a.test(left, site.imm());
    else
      a.test(left, site.src_sized());
  } else if (!site.has_imm()) {
    a.cmp(left, site.src_sized());
  } else if (site.imm() == 0) {
    a.test(left, left);
  } else {
    a.cmp(left, site.imm());
  }
  a.emit(instruction, target_of(out, site));
}

// Leaves the loop when the frame's budget is used up. The count runs out rarely, and is then refilled aside.
void emit_may_goto(Assembly& out, const Site& site, uint32_t) {
  auto& a = out.a;
  const Mem left = x86::qword_ptr(x86::rbp, out.frame.budget_offset() + offsetof(LoopBudget, left));
  const Label refill = a.newLabel(), go_on = a.newLabel();
  a.cmp(left, 0);
  a.je(target_of(out, site));
  a.dec(left);
  a.jz(refill);
  a.bind(go_on);
  out.detours.push_back({.start = refill, .resume = go_on, .cleared = {}, .routine = out.refill_routine()});
}

void emit_call_helper(Assembly& out, const Site& site, uint32_t) {
  out.a.mov(x86::r9, kRun);
  out.call(reinterpret_cast<const void*>(site.facts.helper));
}

void emit_call_subprog(Assembly& out, const Site& site, uint32_t) {
  const uint32_t start = site.index + 1 + static_cast<uint32_t>(site.imm());
  const auto found = std::ranges::find(out.program.subprogs, start, &Subprog::start);
  SKEP_CHECK(found != out.program.subprogs.end());
  out.a.call(out.entry_of(static_cast<uint32_t>(found - out.program.subprogs.begin())));
}

void emit_exit(Assembly& out, const Site&, uint32_t) {
  out.epilogue();
  out.a.ret();
}

namespace {

// Returned in rax and rdx.
struct PacketWord {
  uint64_t value;
  uint64_t present;
};

PacketWord load_packet(RunContext* run, const void* ctx, uint32_t offset, uint32_t bytes) {
  PacketWord word = {};
  if (run->packet_load && run->packet_load(*run, ctx, offset, bytes, &word.value) == 0) word.present = 1;
  if (!word.present) word.value = 0;
  return word;
}

}  // namespace

// r6 is the context by convention. Outside of the packet the subprogram ends with r0 = 0.
void emit_packet_load(Assembly& out, const Site& site, uint32_t) {
  auto& a = out.a;
  if (site.row.operation == Operation::kLoadInd) {
    a.mov(x86::edx, site.src().r32());
    if (site.imm() != 0) a.add(x86::edx, site.imm());
  } else {
    out.move_imm(x86::rdx, static_cast<uint32_t>(site.imm()));
  }
  a.mov(x86::rdi, kRun);
  a.mov(x86::rsi, machine_register(6));
  a.mov(x86::ecx, site.row.mem_bytes);
  out.call(reinterpret_cast<const void*>(&load_packet));
  a.test(x86::edx, x86::edx);
  a.jz(out.exit_label());
}

}  // namespace skep::exec::jit::x86_64
