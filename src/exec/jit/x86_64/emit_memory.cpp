// Loads and stores in their three kinds: proved in bounds, probing, and relative to an arena.
#include <cstddef>

#include "exec/jit/x86_64/emitters.h"
#include "exec/jit/x86_64/memory_operand.h"

namespace skep::exec::jit::x86_64 {
namespace x86 = asmjit::x86;
using asmjit::Imm;
using helpers::RunContext;
using isa::Access;

Mem run_member(size_t offset) { return x86::qword_ptr(kRun, static_cast<int32_t>(offset)); }

namespace {

// Without an arena the address is one that no process can map, so that the access faults.
void arena_address(Assembly& out, Gp base) {
  constexpr uint64_t kUnmappable = uint64_t{1} << 62;
  auto& a = out.a;
  const Label there = a.newLabel();
  a.mov(kScratch2, run_member(offsetof(RunContext, arena_base)));
  a.mov(kScratch.r32(), base.r32());
  a.test(kScratch2, kScratch2);
  a.short_().jnz(there);
  out.move_imm(kScratch2, kUnmappable);
  a.bind(there);
  a.add(kScratch, kScratch2);
}

}  // namespace

Mem memory_operand(Assembly& out, const Site& site, Gp base) {
  const int32_t offset = site.insn.off;
  const uint32_t bytes = site.row.mem_bytes;
  if (site.row.access == Access::kProved) return x86::Mem(base, offset, bytes);
  arena_address(out, base);
  return x86::Mem(kScratch, offset, bytes);
}

namespace {

void load(Assembly& out, const Site& site, uint32_t instruction, const Mem& from) {
  auto& a = out.a;
  const uint32_t bytes = site.row.mem_bytes;
  if (bytes == 8)
    a.mov(site.dst(), from);
  else if (instruction == x86::Inst::kIdMovsx)
    a.emit(bytes == 4 ? uint32_t{x86::Inst::kIdMovsxd} : instruction, site.dst(), from);
  else if (bytes == 4)
    a.mov(site.dst().r32(), from);
  else
    a.movzx(site.dst().r32(), from);
}

// The whole operand has to lie in [run.exported_begin, run.exported_end); anything else reads as zero.
void probe_load(Assembly& out, const Site& site, uint32_t instruction) {
  auto& a = out.a;
  const Label outside = a.newLabel(), done = a.newLabel();
  a.lea(kScratch, x86::ptr(site.src(), site.insn.off));
  a.cmp(kScratch, run_member(offsetof(RunContext, exported_begin)));
  a.jb(outside);
  a.mov(kScratch2, run_member(offsetof(RunContext, exported_end)));
  a.sub(kScratch2, kScratch);
  a.jb(outside);
  a.cmp(kScratch2, site.row.mem_bytes);
  a.jb(outside);
  const FaultMark mark(out, site, site.dst());
  load(out, site, instruction, x86::Mem(kScratch, 0, site.row.mem_bytes));
  a.bind(done);
  out.detours.push_back({.start = outside, .resume = done, .cleared = site.dst(), .routine = {}});
}

}  // namespace

void emit_load(Assembly& out, const Site& site, uint32_t instruction) {
  if (site.row.access == Access::kProbe) return probe_load(out, site, instruction);
  const Mem from = memory_operand(out, site, site.src());
  const FaultMark mark(out, site, site.dst());
  load(out, site, instruction, from);
}

void emit_store(Assembly& out, const Site& site, uint32_t) {
  const Mem to = memory_operand(out, site, site.dst());
  const FaultMark mark(out, site);
  if (site.has_imm())
    out.a.mov(to, Imm(site.imm()));
  else
    out.a.mov(to, sized(site.src(), site.row.mem_bytes));
}

}  // namespace skep::exec::jit::x86_64
