// Frames, labels, constants and calls: the parts of machine code that belong to no one instruction.
#include "exec/jit/x86_64/assembly.h"

#include <array>

#include "base/check.h"

namespace skep::exec::jit::x86_64 {
namespace x86 = asmjit::x86;

namespace {

constexpr std::array<Gp, isa::kAuxRegister + 1> kRegisters = {
    x86::rax, x86::rdi, x86::rsi, x86::rdx, x86::rcx, x86::r8,
    x86::rbx, x86::r13, x86::r14, x86::r15, x86::rbp, x86::r10,
};
constexpr int kFirstSaved = 6;
constexpr int kSavedCount = 4;
constexpr int kRegisterBytes = 8;
constexpr uint32_t kNoLabel = asmjit::Globals::kInvalidId;

}  // namespace

Gp machine_register(uint8_t bpf_register) { return kRegisters[bpf_register]; }

Gp sized(Gp reg, uint32_t bytes) {
  switch (bytes) {
    case 1:
      return reg.r8();
    case 2:
      return reg.r16();
    case 4:
      return reg.r32();
    default:
      return reg.r64();
  }
}

const Target& host_target() {
  static const Target target{.bmi2 = asmjit::CpuInfo::host().features().x86().hasBMI2()};
  return target;
}

Assembly::Assembly(asmjit::CodeHolder& holder, const Executable& program, const Target& target)
    : a(&holder), program(program), target(target), labels_(program.insns.size(), kNoLabel) {
  entries_.reserve(program.subprogs.size());
  for (size_t i = 0; i < program.subprogs.size(); ++i) entries_.push_back(a.newLabel().id());
}

Label Assembly::label_of(uint32_t index) {
  if (labels_[index] == kNoLabel) labels_[index] = a.newLabel().id();
  return Label(labels_[index]);
}

Label Assembly::refill_routine() {
  if (!refill_.isValid()) refill_ = a.newLabel();
  return refill_;
}

Label Assembly::exit_label() {
  if (!exit_.isValid()) exit_ = a.newLabel();
  return exit_;
}

// Linux lets privileged programs read stack that they have not written. There it holds what the kernel left;
// nothing of this process may be seen so, and both engines have to agree.
void Assembly::clear_stack() {
  constexpr uint32_t kVectorBytes = 16;
  const auto size = static_cast<int32_t>(frame.stack_bytes);
  int32_t at = 0;
  if (frame.stack_bytes >= kVectorBytes) a.xorps(x86::xmm0, x86::xmm0);
  for (; at + int32_t{kVectorBytes} <= size; at += kVectorBytes)
    a.movaps(x86::xmmword_ptr(x86::rbp, -at - int32_t{kVectorBytes}), x86::xmm0);
  for (; at < size; at += kRegisterBytes) a.mov(x86::qword_ptr(x86::rbp, -at - kRegisterBytes), 0);
}

void Assembly::prologue() {
  if (frame.frame_pointer) {
    a.push(x86::rbp);
    a.mov(x86::rbp, x86::rsp);
  }
  if (frame.local_bytes != 0) a.sub(x86::rsp, frame.local_bytes);
  if (frame.saves_run) {
    a.push(kRun);
    a.mov(kRun, x86::rsi);
  }
  for (int i = 0; i < kSavedCount; ++i)
    if (frame.saved_registers >> i & 1) a.push(kRegisters[kFirstSaved + i]);
  clear_stack();
  if (!frame.has_budget) return;
  a.mov(x86::qword_ptr(x86::rbp, frame.budget_offset() + offsetof(LoopBudget, left)),
        LoopBudget::kIterations);
  a.mov(x86::qword_ptr(x86::rbp, frame.budget_offset() + offsetof(LoopBudget, since)), 0);
}

void Assembly::epilogue() {
  for (int i = kSavedCount - 1; i >= 0; --i)
    if (frame.saved_registers >> i & 1) a.pop(kRegisters[kFirstSaved + i]);
  if (frame.saves_run) a.pop(kRun);
  if (!frame.frame_pointer) return;
  if (frame.local_bytes != 0)
    a.leave();
  else
    a.pop(x86::rbp);
}

void Assembly::finish_subprogram() {
  for (const Detour& detour : detours) {
    a.bind(detour.start);
    if (detour.routine.isValid()) {
      a.lea(kScratch, x86::ptr(x86::rbp, frame.budget_offset()));
      a.call(detour.routine);
    } else {
      a.xor_(detour.cleared.r32(), detour.cleared.r32());
    }
    a.jmp(detour.resume);
  }
  detours.clear();
  if (!exit_.isValid()) return;
  a.bind(exit_);
  epilogue();
  a.ret();
  exit_.reset();
}

namespace {

void refill(LoopBudget* budget) { budget->refill(); }

}  // namespace

// kScratch = LoopBudget*. Saves what C++ may change and BPF may have in use; rsp is 16-aligned before the
// call.
void Assembly::finish() {
  if (!refill_.isValid()) return;
  constexpr std::array<Gp, 7> kLive = {x86::rax, x86::rdi, x86::rsi, x86::rdx, x86::rcx, x86::r8, x86::r10};
  static_assert(kLive.size() % 2 == 1, "with the return address, an even number of words");
  a.bind(refill_);
  for (const Gp& reg : kLive) a.push(reg);
  a.mov(x86::rdi, kScratch);
  call(reinterpret_cast<const void*>(&refill));
  for (size_t i = kLive.size(); i-- > 0;) a.pop(kLive[i]);
  a.ret();
}

void Assembly::move_imm(Gp reg, uint64_t value) {
  if (value == 0)
    a.xor_(reg.r32(), reg.r32());
  else if (value <= UINT32_MAX)
    a.mov(reg.r32(), static_cast<uint32_t>(value));
  else
    a.mov(reg, static_cast<int64_t>(value));
}

void Assembly::call(const void* function) {
  if (target.near_calls && in_near_reach(function)) {
    constexpr uint8_t kCallRel32[5] = {0xe8};
    a.embed(kCallRel32, sizeof(kCallRel32));
    calls.push_back({offset(), function});
    return;
  }
  move_imm(kScratch, reinterpret_cast<uintptr_t>(function));
  a.call(kScratch);
}

const void* Assembly::function_address(uint32_t subprogram) {
  if (!functions) functions = make_functions(program.subprogs.size());
  return &functions[subprogram];
}

}  // namespace skep::exec::jit::x86_64
