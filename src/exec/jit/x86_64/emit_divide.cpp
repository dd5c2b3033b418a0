// Division and remainder. BPF defines what x86 traps on: x / 0 = 0, x % 0 = x, MIN / -1 = MIN, MIN % -1 = 0.
//
// x86 divides rdx:rax (r3 and r0); both are put back unless they are the destination.
#include <bit>

#include "exec/jit/x86_64/emitters.h"

namespace skep::exec::jit::x86_64 {
namespace x86 = asmjit::x86;
using isa::Operation;
using isa::Width;

namespace {

bool wants_remainder(const Site& site) {
  return site.row.operation == Operation::kMod || site.row.operation == Operation::kSmod;
}

// dst OP divisor in place; the divisor is in kScratch and is neither 0 nor (signed) -1. kScratch2 is lost.
void divide_in_place(Assembly& out, const Site& site, uint32_t instruction) {
  auto& a = out.a;
  const Gp dst = site.dst();
  const Gp quotient = x86::rax, remainder = x86::rdx;
  const Gp result = wants_remainder(site) ? remainder : quotient;
  const Gp divisor = sized(kScratch, site.row.width);
  const bool is_signed = instruction == x86::Inst::kIdIdiv;

  // What is not the destination is kept in kScratch2, or in the destination, which the result overwrites.
  if (dst == x86::rax) {
    a.mov(kScratch2, x86::rdx);
  } else if (dst == x86::rdx) {
    a.mov(kScratch2, x86::rax);
    a.mov(x86::rax, x86::rdx);
  } else {
    a.mov(kScratch2, x86::rdx);
    a.xchg(x86::rax, dst);
  }
  if (!is_signed)
    a.xor_(x86::edx, x86::edx);
  else if (site.row.width == Width::k64)
    a.cqo();
  else
    a.cdq();
  if (is_signed)
    a.idiv(divisor);
  else
    a.div(divisor);
  if (dst == x86::rax) {
    if (result != x86::rax) a.mov(x86::rax, result);
    a.mov(x86::rdx, kScratch2);
  } else if (dst == x86::rdx) {
    if (result != x86::rdx) a.mov(x86::rdx, result);
    a.mov(x86::rax, kScratch2);
  } else {
    a.xchg(x86::rax, dst);
    if (result == remainder) a.mov(dst, remainder);
    a.mov(x86::rdx, kScratch2);
  }
}

void result_for_zero(Assembly& out, const Site& site) {
  if (!wants_remainder(site))
    out.a.xor_(site.dst().r32(), site.dst().r32());
  else if (site.row.width == Width::k32)
    out.a.mov(site.dst().r32(), site.dst().r32());
}

void result_for_minus_one(Assembly& out, const Site& site) {
  if (wants_remainder(site))
    out.a.xor_(site.dst().r32(), site.dst().r32());
  else
    out.a.neg(site.dst_sized());
}

// Unsigned division by 2^n. False when the immediate is something else.
bool divide_by_power_of_two(Assembly& out, const Site& site, uint32_t instruction) {
  const int32_t imm = site.imm();
  if (instruction != x86::Inst::kIdDiv || imm <= 0 || !std::has_single_bit(static_cast<uint32_t>(imm)))
    return false;
  if (wants_remainder(site))
    out.a.and_(site.dst().r32(), imm - 1);
  else if (const int shift = std::countr_zero(static_cast<uint32_t>(imm)); shift != 0)
    out.a.shr(site.dst_sized(), shift);
  else if (site.row.width == Width::k32)
    out.a.mov(site.dst().r32(), site.dst().r32());
  return true;
}

void divide_by_imm(Assembly& out, const Site& site, uint32_t instruction) {
  const int32_t imm = site.imm();
  if (imm == 0) return result_for_zero(out, site);
  if (imm == -1 && instruction == x86::Inst::kIdIdiv) return result_for_minus_one(out, site);
  if (divide_by_power_of_two(out, site, instruction)) return;
  if (site.row.width == Width::k32)
    out.move_imm(kScratch, static_cast<uint32_t>(imm));
  else
    out.move_imm(kScratch, static_cast<uint64_t>(int64_t{imm}));
  divide_in_place(out, site, instruction);
}

}  // namespace

void emit_divide(Assembly& out, const Site& site, uint32_t instruction) {
  if (site.has_imm()) return divide_by_imm(out, site, instruction);
  auto& a = out.a;
  const Gp divisor = sized(kScratch, site.row.width);
  const Label zero = a.newLabel(), done = a.newLabel();
  a.mov(divisor, site.src_sized());
  a.test(divisor, divisor);
  a.short_().jz(zero);
  if (instruction == x86::Inst::kIdIdiv) {
    const Label ordinary = a.newLabel();
    a.cmp(divisor, -1);
    a.short_().jne(ordinary);
    result_for_minus_one(out, site);
    a.short_().jmp(done);
    a.bind(ordinary);
  }
  divide_in_place(out, site, instruction);
  a.short_().jmp(done);
  a.bind(zero);
  result_for_zero(out, site);
  a.bind(done);
}

}  // namespace skep::exec::jit::x86_64
