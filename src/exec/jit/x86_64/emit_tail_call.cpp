// Tail calls: on success the frame of the running subprogram is gone and the target's entry runs in its
// place.
//
// As on Linux, an index out of range, an empty slot and the limit let the program go on behind the call, and
// only a call of a filled slot counts (Linux since 6.12). The count is one for the whole run, so that
// subprograms cannot multiply it.
#include <cstddef>

#include "exec/jit/x86_64/emitters.h"
#include "exec/jit/x86_64/memory_operand.h"

namespace skep::exec::jit::x86_64 {
namespace x86 = asmjit::x86;
using helpers::RunContext;
using maps::TailSlots;
using maps::TailTarget;

namespace {

const TailSlots* slots_of(const maps::Map* map) { return map->tail_slots(); }

// What a target of the interpreter yields is what the caller of the tail call gets.
uint64_t run_interpreted(void* ctx, RunContext* run, const TailTarget* target) {
  return static_cast<const Image*>(target)->continue_run(ctx, *run);
}

// offsetof is for types without virtual functions only.
int32_t entry_offset() {
  static const struct Sample : TailTarget {
    ptrdiff_t offset = reinterpret_cast<const char*>(&jit_tail_entry) - reinterpret_cast<const char*>(this);
  } sample;
  return static_cast<int32_t>(sample.offset);
}

// rsi = TailSlots of the map in r2. Constant when the map is.
void load_slots(Assembly& out) {
  auto& a = out.a;
  if (out.map_in_r2) {
    out.move_imm(x86::rsi, reinterpret_cast<uintptr_t>(out.map_in_r2->tail_slots()));
    return;
  }
  a.push(x86::rdi);
  a.push(x86::rdx);
  a.mov(x86::rdi, x86::rsi);
  out.call(reinterpret_cast<const void*>(&slots_of));
  a.mov(x86::rsi, x86::rax);
  a.pop(x86::rdx);
  a.pop(x86::rdi);
}

}  // namespace

void emit_tail_call(Assembly& out, const Site&, uint32_t) {
  auto& a = out.a;
  const Label fall_through = a.newLabel(), interpreted = a.newLabel();
  const Mem taken = x86::dword_ptr(kRun, offsetof(RunContext, tail_calls));
  load_slots(out);
  a.test(x86::rsi, x86::rsi);
  a.jz(fall_through);
  a.mov(x86::edx, x86::edx);
  a.cmp(x86::edx, x86::dword_ptr(x86::rsi, offsetof(TailSlots, count)));
  a.jae(fall_through);
  a.cmp(taken, isa::kMaxTailCalls);
  a.jae(fall_through);
  a.mov(kScratch, x86::qword_ptr(x86::rsi, offsetof(TailSlots, slots)));
  a.mov(kScratch, x86::qword_ptr(kScratch, x86::rdx, 3));
  a.test(kScratch, kScratch);
  a.jz(fall_through);
  a.inc(taken);
  a.mov(kScratch2, x86::qword_ptr(kScratch, entry_offset()));
  a.mov(x86::rsi, kRun);
  a.test(kScratch2, kScratch2);
  a.jz(interpreted);
  out.epilogue();
  a.jmp(kScratch2);
  a.bind(interpreted);
  a.mov(x86::rdx, kScratch);
  out.call(reinterpret_cast<const void*>(&run_interpreted));
  a.jmp(out.exit_label());
  a.bind(fall_through);
}

}  // namespace skep::exec::jit::x86_64
