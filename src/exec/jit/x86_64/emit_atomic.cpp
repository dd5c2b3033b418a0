// Atomic read-modify-write. A faulting access of an arena writes nothing, and what it would fetch is zero.
#include "exec/jit/x86_64/emitters.h"
#include "exec/jit/x86_64/memory_operand.h"

namespace skep::exec::jit::x86_64 {
namespace x86 = asmjit::x86;
using isa::Width;

void emit_atomic_plain(Assembly& out, const Site& site, uint32_t instruction) {
  const Mem memory = memory_operand(out, site, site.dst());
  const FaultMark mark(out, site);
  out.a.lock().emit(instruction, memory, site.src_sized());
}

// xadd and xchg: the old value lands in src.
void emit_atomic_exchange(Assembly& out, const Site& site, uint32_t instruction) {
  const Mem memory = memory_operand(out, site, site.dst());
  const FaultMark mark(out, site, site.src());
  out.a.lock().emit(instruction, memory, site.src_sized());
}

// x86 has no fetching and, or, xor. rax (r0) is what cmpxchg compares with; [rsp-8] keeps r0's own value, or
// the operand when that is r0.
void emit_atomic_fetch_loop(Assembly& out, const Site& site, uint32_t instruction) {
  auto& a = out.a;
  const Width width = site.row.width;
  const Mem kept = x86::qword_ptr(x86::rsp, -8);
  const Gp old = sized(x86::rax, width), desired = sized(kScratch2, width);
  const bool operand_is_r0 = site.src() == x86::rax;

  Mem memory = memory_operand(out, site, site.dst());
  if (site.dst() == x86::rax && site.row.access == isa::Access::kProved) {
    a.mov(kScratch, x86::rax);
    memory.setBase(kScratch);
  }
  a.mov(kept, x86::rax);
  const Label again = a.newLabel();
  {
    const FaultMark first(out, site, x86::rax);
    a.mov(old, memory);
    a.bind(again);
    a.mov(desired, old);
    if (operand_is_r0)
      a.emit(instruction, desired, x86::Mem(x86::rsp, -8, site.row.mem_bytes));
    else
      a.emit(instruction, desired, site.src_sized());
    const FaultMark second(out, site, x86::rax);
    a.lock().cmpxchg(memory, desired);
    a.short_().jne(again);
  }
  if (operand_is_r0) return;
  a.mov(site.src(), x86::rax);
  a.mov(x86::rax, kept);
}

// A successful cmpxchg leaves rax alone, so that the upper half of a 32-bit result has to be cleared here.
void emit_atomic_cmpxchg(Assembly& out, const Site& site, uint32_t) {
  const Mem memory = memory_operand(out, site, site.dst());
  {
    const FaultMark mark(out, site, x86::rax);
    out.a.lock().cmpxchg(memory, site.src_sized());
  }
  if (site.row.width == Width::k32 && !site.facts.zext_redundant) out.a.mov(x86::eax, x86::eax);
}

}  // namespace skep::exec::jit::x86_64
