// Runs decoded steps. The loop's switch is generated from insn.def: each row instantiates step<>() with its
// columns, so that an instruction has a meaning here exactly when it has a row.
#include "exec/interp/interpreter.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <utility>

#include "base/check.h"
#include "exec/fault.h"
#include "exec/interp/decode.h"
#include "exec/interp/operations.h"
#include "exec/loop_budget.h"

namespace skep::exec::interp {
namespace {

using helpers::RunContext;
using isa::Access;
using isa::Op;
using isa::Source;

class InterpreterImage;

// What a callback is to a helper: one subprogram of one image.
struct SubprogFunction : helpers::Function {
  const InterpreterImage* image = nullptr;
  uint32_t subprog = 0;
};

class InterpreterImage final : public Image {
 public:
  explicit InterpreterImage(Executable executable) : executable_(std::move(executable)) {}
  Status decode_program();

  uint64_t continue_run(void* ctx, RunContext& run) const override;
  uint64_t call(uint32_t subprog, std::span<const uint64_t> args, RunContext& run) const override;

  const Step* subprog_start(uint32_t subprog) const { return &steps_[executable_.subprogs[subprog].start]; }

 private:
  Executable executable_;
  std::unique_ptr<SubprogFunction[]> functions_;
  std::vector<Step> steps_;
};

struct Frame {
  const Step* return_to;     // null in the first frame
  uint64_t callee_saved[5];  // r6..r10 of the caller
  LoopBudget budget;
  alignas(16) std::byte stack[isa::kStackSize];
};

// One run of a program or one callback: registers and the frames of its BPF-to-BPF calls.
class Activation {
 public:
  explicit Activation(RunContext& run) : run_(run) {}
  uint64_t execute(const Step* start, std::span<const uint64_t> args);

 private:
  template <Operation, Source, Width, unsigned kBytes, Access>
  bool step(const Step*& at);
  template <Source kSource>
  uint64_t operand(const Step& s) const {
    return kSource == Source::kReg ? registers_[s.src] : s.immediate;
  }
  template <Operation, unsigned kBytes, Access>
  void load(const Step& s);
  template <unsigned kBytes, Access>
  void store(const Step& s, uint64_t value);
  template <Operation, class U, Access>
  void atomic(const Step& s);
  template <Operation>
  bool packet_load(const Step& s, unsigned bytes);

  const Step* enter(const Step* target, const Step* return_to);
  const Step* leave();
  const Step* tail_call(const Step* at);
  bool exported(uint64_t address, unsigned bytes) const;
  uint64_t arena_address(uint64_t reg, int32_t offset) const;
  void address_space_cast(const Step& s);

  RunContext& run_;
  uint64_t registers_[isa::kAuxRegister + 1] = {};
  int depth_ = -1;  // index of the running frame
  Frame frames_[isa::kMaxCallFrames];
};

const Step* Activation::enter(const Step* target, const Step* return_to) {
  SKEP_CHECK(++depth_ < isa::kMaxCallFrames);
  Frame& frame = frames_[depth_];
  frame.return_to = return_to;
  std::copy_n(&registers_[6], 5, frame.callee_saved);
  frame.budget = {};
  // Linux leaves the stack as it is and lets privileged programs read it; ours holds what was on the host's.
  std::memset(frame.stack, 0, sizeof(frame.stack));
  registers_[10] = reinterpret_cast<uint64_t>(frame.stack + isa::kStackSize);
  return target;
}

const Step* Activation::leave() {
  const Frame& frame = frames_[depth_--];
  std::copy_n(frame.callee_saved, 5, &registers_[6]);
  return frame.return_to;
}

bool Activation::exported(uint64_t address, unsigned bytes) const {
  const auto begin = reinterpret_cast<uint64_t>(run_.exported_begin);
  const auto end = reinterpret_cast<uint64_t>(run_.exported_end);
  return address >= begin && address < end && end - address >= bytes;
}

// Address 0 faults, so it stands for an access without an arena.
uint64_t Activation::arena_address(uint64_t reg, int32_t offset) const {
  if (run_.arena_base == nullptr) return 0;
  return reinterpret_cast<uint64_t>(run_.arena_base) + static_cast<uint32_t>(reg) +
         static_cast<uint64_t>(int64_t{offset});
}

template <class U>
U* pointer(uint64_t address) {
  return reinterpret_cast<U*>(address);
}

template <unsigned kBytes>
using Memory = std::conditional_t<
    kBytes == 1, uint8_t,
    std::conditional_t<kBytes == 2, uint16_t, std::conditional_t<kBytes == 4, uint32_t, uint64_t>>>;

template <Operation kOperation, unsigned kBytes, Access kAccess>
void Activation::load(const Step& s) {
  uint64_t value = 0;
  if constexpr (kAccess == Access::kProved) {
    Memory<kBytes> memory;
    std::memcpy(&memory, pointer<void>(registers_[s.src] + static_cast<uint64_t>(int64_t{s.offset})), kBytes);
    value = memory;
  } else if constexpr (kAccess == Access::kProbe) {
    const uint64_t address = registers_[s.src] + static_cast<uint64_t>(int64_t{s.offset});
    if (exported(address, kBytes)) value = fault::load(address, kBytes).value;
  } else {
    value = fault::load(arena_address(registers_[s.src], s.offset), kBytes).value;
  }
  registers_[s.dst] = kOperation == Operation::kLoadSx ? sign_extend<kBytes>(value) : value;
}

template <unsigned kBytes, Access kAccess>
void Activation::store(const Step& s, uint64_t value) {
  if constexpr (kAccess == Access::kProved) {
    const auto memory = static_cast<Memory<kBytes>>(value);
    std::memcpy(pointer<void>(registers_[s.dst] + static_cast<uint64_t>(int64_t{s.offset})), &memory, kBytes);
  } else {
    fault::store(arena_address(registers_[s.dst], s.offset), kBytes, value);
  }
}

// Sequentially consistent memory of an atomic instruction: ordinary memory, or the arena, where it may fault.
template <class U>
struct ProvedMemory {
  std::atomic_ref<U> memory;
  explicit ProvedMemory(uint64_t address) : memory(*pointer<U>(address)) {}
  bool read(U& value) { return value = memory.load(), true; }
  bool write(U value) { return memory.store(value), true; }
  // Stores `desired` if memory holds `expected`, which becomes what memory held. False when memory faults.
  bool exchange_if(U& expected, U desired) { return memory.compare_exchange_strong(expected, desired), true; }
};
template <class U>
struct ArenaMemory {
  uint64_t address;
  explicit ArenaMemory(uint64_t at) : address(at) {}
  bool read(U& value) {
    const auto probe = fault::load(address, sizeof(U));
    return value = static_cast<U>(probe.value), probe.ok != 0;
  }
  bool write(U value) { return fault::store(address, sizeof(U), value); }
  bool exchange_if(U& expected, U desired) {
    const auto probe = fault::compare_exchange(address, sizeof(U), expected, desired);
    return expected = static_cast<U>(probe.value), probe.ok != 0;
  }
};

// A faulting fetch reads 0, as Linux's exception table does for the register that would have been loaded.
template <Operation kOperation, class U, Access kAccess>
void Activation::atomic(const Step& s) {
  constexpr bool kIsArena = kAccess == Access::kArenaAtomic;
  const uint64_t base = registers_[kOperation == Operation::kLoadAcquire ? s.src : s.dst];
  const uint64_t address =
      kIsArena ? arena_address(base, s.offset) : base + static_cast<uint64_t>(int64_t{s.offset});
  std::conditional_t<kIsArena, ArenaMemory<U>, ProvedMemory<U>> memory(address);
  U old = 0;
  if constexpr (kOperation == Operation::kLoadAcquire) {
    memory.read(old);
    registers_[s.dst] = old;
  } else if constexpr (kOperation == Operation::kStoreRelease) {
    memory.write(static_cast<U>(registers_[s.src]));
  } else if constexpr (kOperation == Operation::kAtomicCmpxchg) {
    old = static_cast<U>(registers_[0]);
    memory.exchange_if(old, static_cast<U>(registers_[s.src]));
    registers_[0] = old;
  } else if constexpr (sizeof(U) >= 4) {
    memory.read(old);
    for (U seen = old;; seen = old) {
      const U wanted = atomic_result<kOperation>(old, static_cast<U>(registers_[s.src]));
      if (!memory.exchange_if(old, wanted) || old == seen) break;
    }
    if constexpr (kOperation >= Operation::kAtomicFetchAdd) registers_[s.src] = old;
  }
}

// LD_ABS and LD_IND; false ends the function with r0 = 0, as a load past the packet's end does on Linux.
template <Operation kOperation>
bool Activation::packet_load(const Step& s, unsigned bytes) {
  auto offset = static_cast<uint32_t>(s.immediate);
  if (kOperation == Operation::kLoadInd) offset += static_cast<uint32_t>(registers_[s.src]);
  uint64_t value = 0;
  const bool ok = run_.packet_load != nullptr &&
                  run_.packet_load(run_, pointer<const void>(registers_[6]), offset, bytes, &value) == 0;
  registers_[0] = ok ? value : 0;
  return ok;
}

void Activation::address_space_cast(const Step& s) {
  const auto low = static_cast<uint32_t>(registers_[s.src]);
  const bool to_user = s.immediate >> 16 != 0;
  registers_[s.dst] = to_user && low != 0 ? (run_.arena_user_base & ~uint64_t{0xffffffff}) | low : low;
}

// A tail call that cannot be taken continues after the instruction. Only calls of a present program count.
const Step* Activation::tail_call(const Step* at) {
  const auto* slots = maps::Map::from_handle(registers_[2])->tail_slots();
  const auto index = static_cast<uint32_t>(registers_[3]);
  if (slots == nullptr || index >= slots->count || run_.tail_calls >= isa::kMaxTailCalls) return at + 1;
  const auto* target = slots->slots[index].load(std::memory_order_acquire);
  if (target == nullptr) return at + 1;
  ++run_.tail_calls;
  const uint64_t ctx = registers_[1];
  if (target->jit_tail_entry != nullptr) {
    registers_[0] = static_cast<const Image*>(target)->continue_run(pointer<void>(ctx), run_);
    return leave();
  }
  const Step* entry = static_cast<const InterpreterImage*>(target)->subprog_start(0);
  if (depth_ > 0) {
    // The target replaces this function only; it may nest as deep as any program, so it gets its own frames.
    registers_[0] = Activation(run_).execute(entry, {&ctx, 1});
    return leave();
  }
  leave();
  return enter(entry, nullptr);
}

// Executes one row; advances `at`. False when the outermost function has returned.
template <Operation kOperation, Source kSource, Width kWidth, unsigned kBytes, Access kAccess>
[[gnu::always_inline]] inline bool Activation::step(const Step*& at) {
  using enum Operation;
  using U = Unsigned<kWidth>;
  const Step& s = *at;
  if constexpr (kOperation <= kMov) {
    uint64_t& dst = registers_[s.dst];
    dst = arithmetic < kOperation == kNeg ? kNeg : kOperation,
    U > (static_cast<U>(dst), static_cast<U>(operand<kSource>(s)));
  } else if constexpr (kOperation == kMovsx) {
    registers_[s.dst] = static_cast<U>(sign_extend<kBytes>(registers_[s.src]));
  } else if constexpr (kOperation == kAddrSpaceCast) {
    address_space_cast(s);
  } else if constexpr (kOperation == kPerCpuAddress) {
    registers_[s.dst] = registers_[s.src] + run_.percpu_offset;
  } else if constexpr (kOperation == kToLe || kOperation == kToBe || kOperation == kBswap) {
    registers_[s.dst] = byte_order<kBytes>(registers_[s.dst], kOperation != kToLe);
  } else if constexpr (kOperation == kLoadImm64) {
    registers_[s.dst] = s.immediate;
    at += 2;
    return true;
  } else if constexpr (kOperation == kLoadAbs || kOperation == kLoadInd) {
    if (!packet_load<kOperation>(s, kBytes)) return (at = leave()) != nullptr;
  } else if constexpr (kOperation == kLoad || kOperation == kLoadSx) {
    load<kOperation, kBytes, kAccess>(s);
  } else if constexpr (kOperation == kStore) {
    store<kBytes, kAccess>(s, operand<kSource>(s));
  } else if constexpr (kOperation >= kAtomicAdd && kOperation <= kStoreRelease) {
    atomic<kOperation, Memory<kBytes>, kAccess>(s);
  } else if constexpr (kOperation == kJump) {
    at += s.offset;
    return true;
  } else if constexpr (kOperation >= kJeq && kOperation <= kJset) {
    at += compare<kOperation, U>(static_cast<U>(registers_[s.dst]), static_cast<U>(operand<kSource>(s)))
              ? s.offset
              : 1;
    return true;
  } else if constexpr (kOperation == kMayGoto) {
    at += frames_[depth_].budget.exhausted() ? s.offset : 1;
    return true;
  } else if constexpr (kOperation == kCallHelper || kOperation == kCallKfunc) {
    registers_[0] = s.helper(registers_[1], registers_[2], registers_[3], registers_[4], registers_[5], run_);
  } else if constexpr (kOperation == kCallSubprog) {
    at = enter(at + s.offset, at + 1);
    return true;
  } else if constexpr (kOperation == kTailCall) {
    return (at = tail_call(at)) != nullptr;
  } else if constexpr (kOperation == kExit) {
    return (at = leave()) != nullptr;
  } else {
    static_assert(kOperation == kNospec || kOperation == kCallIndirect);
  }
  ++at;
  return true;
}

uint64_t Activation::execute(const Step* start, std::span<const uint64_t> args) {
  std::copy(args.begin(), args.end(), &registers_[1]);
  const Step* at = enter(start, nullptr);
  bool running = true;
  while (running) {
    switch (at->op) {
#define SKEP_INSN(name, code, off, imm, src, operation, source, width, bytes, access, ...)               \
  case Op::k##name:                                                                                      \
    running =                                                                                            \
        step<Operation::k##operation, Source::k##source, Width::k##width, bytes, Access::k##access>(at); \
    break;
#include "isa/insn.def"
#undef SKEP_INSN
      case Op::kCount:
        __builtin_unreachable();
    }
  }
  return registers_[0];
}

Status InterpreterImage::decode_program() {
  const size_t count = executable_.subprogs.size();
  functions_ = std::make_unique<SubprogFunction[]>(count);
  std::vector<const helpers::Function*> pointers(count);
  for (uint32_t i = 0; i < count; ++i) {
    functions_[i].image = this;
    functions_[i].subprog = i;
    functions_[i].call = [](const helpers::Function& self, const uint64_t(&args)[5], RunContext& run) {
      const auto& function = static_cast<const SubprogFunction&>(self);
      return function.image->call(function.subprog, args, run);
    };
    pointers[i] = &functions_[i];
  }
  steps_ = SKEP_TRY(decode(executable_, pointers.data()));
  return {};
}

uint64_t InterpreterImage::continue_run(void* ctx, RunContext& run) const {
  const uint64_t argument = reinterpret_cast<uint64_t>(ctx);
  return Activation(run).execute(subprog_start(0), {&argument, 1});
}

uint64_t InterpreterImage::call(uint32_t subprog, std::span<const uint64_t> args, RunContext& run) const {
  return Activation(run).execute(subprog_start(subprog), args.first(std::min<size_t>(args.size(), 5)));
}

}  // namespace

Result<Ref<Image>> make(Executable executable) {
  fault::install();
  auto image = make_ref<InterpreterImage>(std::move(executable));
  SKEP_TRY(image->decode_program());
  return Ref<Image>(std::move(image));
}

}  // namespace skep::exec::interp
