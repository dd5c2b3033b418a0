// Arithmetic without traps: everything that stays in registers, except division.
#include <cstddef>

#include "exec/jit/x86_64/emitters.h"
#include "exec/jit/x86_64/memory_operand.h"

namespace skep::exec::jit::x86_64 {
namespace x86 = asmjit::x86;
using asmjit::Imm;
using isa::Width;

// 32-bit x86 operations clear the upper half of the destination, as BPF's do.
void emit_alu(Assembly& out, const Site& site, uint32_t instruction) {
  if (site.has_imm())
    out.a.emit(instruction, site.dst_sized(), Imm(site.imm()));
  else
    out.a.emit(instruction, site.dst_sized(), site.src_sized());
}

void emit_multiply(Assembly& out, const Site& site, uint32_t) {
  if (site.has_imm())
    out.a.imul(site.dst_sized(), site.dst_sized(), site.imm());
  else
    out.a.imul(site.dst_sized(), site.src_sized());
}

void emit_negate(Assembly& out, const Site& site, uint32_t) { out.a.neg(site.dst_sized()); }

void emit_move(Assembly& out, const Site& site, uint32_t) {
  if (site.has_imm()) {
    const int64_t imm = site.imm();
    out.move_imm(site.dst(),
                 site.row.width == Width::k32 ? uint64_t{static_cast<uint32_t>(imm)} : uint64_t(imm));
    return;
  }
  const bool changes_nothing =
      site.insn.dst == site.insn.src && (site.row.width == Width::k64 || site.facts.zext_redundant);
  if (!changes_nothing) out.a.mov(site.dst_sized(), site.src_sized());
}

void emit_move_signed(Assembly& out, const Site& site, uint32_t) {
  if (site.row.mem_bytes == 4)
    out.a.movsxd(site.dst(), site.src().r32());
  else
    out.a.movsx(site.dst_sized(), sized(site.src(), site.row.mem_bytes));
}

namespace {

uint32_t any_register_form(uint32_t shift) {
  switch (shift) {
    case x86::Inst::kIdShl:
      return x86::Inst::kIdShlx;
    case x86::Inst::kIdShr:
      return x86::Inst::kIdShrx;
    default:
      return x86::Inst::kIdSarx;
  }
}

// Without BMI2 the count has to stand in cl, which is the low byte of r4.
void shift_by_cl(Assembly& out, const Site& site, uint32_t instruction) {
  auto& a = out.a;
  if (site.src() == x86::rcx) {
    a.emit(instruction, site.dst_sized(), x86::cl);
  } else if (site.dst() == x86::rcx) {
    a.mov(kScratch, x86::rcx);
    a.mov(x86::ecx, site.src().r32());
    a.emit(instruction, sized(kScratch, site.row.width), x86::cl);
    a.mov(x86::rcx, kScratch);
  } else {
    a.mov(kScratch, x86::rcx);
    a.mov(x86::ecx, site.src().r32());
    a.emit(instruction, site.dst_sized(), x86::cl);
    a.mov(x86::rcx, kScratch);
  }
}

}  // namespace

// Both machines take the count modulo the width.
void emit_shift(Assembly& out, const Site& site, uint32_t instruction) {
  if (site.has_imm()) {
    const int count = site.imm() & (site.row.width == Width::k32 ? 31 : 63);
    if (count != 0)
      out.a.emit(instruction, site.dst_sized(), Imm(count));
    else if (site.row.width == Width::k32)
      out.a.mov(site.dst().r32(), site.dst().r32());
  } else if (out.target.bmi2) {
    out.a.emit(any_register_form(instruction), site.dst_sized(), site.dst_sized(), site.src_sized());
  } else {
    shift_by_cl(out, site, instruction);
  }
}

void emit_to_little_endian(Assembly& out, const Site& site, uint32_t) {
  if (site.row.mem_bytes == 2)
    out.a.movzx(site.dst().r32(), site.dst().r16());
  else if (site.row.mem_bytes == 4)
    out.a.mov(site.dst().r32(), site.dst().r32());
}

void emit_swap_bytes(Assembly& out, const Site& site, uint32_t) {
  if (site.row.mem_bytes != 2) {
    out.a.bswap(sized(site.dst(), site.row.mem_bytes));
    return;
  }
  out.a.rol(site.dst().r16(), 8);
  out.a.movzx(site.dst().r32(), site.dst().r16());
}

void emit_load_imm64(Assembly& out, const Site& site, uint32_t) {
  if (site.facts.is_function)
    out.move_imm(site.dst(), reinterpret_cast<uintptr_t>(out.function_address(site.insn.imm)));
  else
    out.move_imm(site.dst(), isa::imm64(site.insn, out.program.insns[site.index + 1]));
}

// To the user's address space (1): the arena's upper half beside the low half, and null stays null.
void emit_addr_space_cast(Assembly& out, const Site& site, uint32_t) {
  auto& a = out.a;
  a.mov(site.dst().r32(), site.src().r32());
  if (site.imm() >> 16 == 0) return;
  const Label null = a.newLabel();
  a.test(site.dst().r32(), site.dst().r32());
  a.short_().jz(null);
  a.mov(kScratch, run_member(offsetof(helpers::RunContext, arena_user_base)));
  a.shr(kScratch, 32);
  a.shl(kScratch, 32);
  a.or_(site.dst(), kScratch);
  a.bind(null);
}

void emit_per_cpu_address(Assembly& out, const Site& site, uint32_t) {
  if (site.insn.dst != site.insn.src) out.a.mov(site.dst(), site.src());
  out.a.add(site.dst(), run_member(offsetof(helpers::RunContext, percpu_offset)));
}

void emit_nospec(Assembly& out, const Site&, uint32_t) { out.a.lfence(); }

}  // namespace skep::exec::jit::x86_64
