#include "generator.h"

#include <array>
#include <span>

#include "abi/insn.h"

namespace skep::exec {
namespace {

using isa::Format;
using isa::Insn;
using isa::InsnDesc;
using isa::Op;
using isa::Operation;
using isa::Source;
using isa::Width;

constexpr uint8_t kContextRegister = 6;
constexpr uint8_t kFrame = 10;
constexpr int kStackBytes = static_cast<int>(Context::kSlots) * 8;
// Beyond the slots that programs work on: the loop's counter, and a 1 from the context.
constexpr int16_t kCounterOffset = -kStackBytes - 8;
constexpr int16_t kOneOffset = -kStackBytes - 16;

// Rows the generator draws from, by what they need around them.
struct Pools {
  std::vector<const InsnDesc*> arithmetic, jumps, loads, stores, atomics;
  Pools() {
    for (const InsnDesc& desc : isa::table()) {
      if (desc.group == isa::Group::kInternal) continue;
      switch (desc.format) {
        case Format::kAlu:
        case Format::kNeg:
        case Format::kMovsx:
        case Format::kByteOrder:
        case Format::kBswap:
          arithmetic.push_back(&desc);
          break;
        case Format::kCondJump:
          jumps.push_back(&desc);
          break;
        case Format::kLoad:
        case Format::kLoadAcquire:
          loads.push_back(&desc);
          break;
        case Format::kStore:
        case Format::kStoreRelease:
          stores.push_back(&desc);
          break;
        case Format::kAtomic:
        case Format::kAtomicFetch:
          atomics.push_back(&desc);
          break;
        default:
          break;
      }
    }
  }
};

const Pools& pools() {
  static const Pools instance;
  return instance;
}

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  std::vector<Insn> program() {
    const bool has_function = below(3) == 0;
    prologue();
    const size_t length = 5 + below(40);
    const bool has_loop = below(4) == 0;
    if (has_loop) {
      loop(length);
    } else {
      body(length, 8);
    }
    if (has_function)
      insns_.push_back({.code = 0x79, .dst = 5, .src = kContextRegister, .off = Context::kOne * 8});
    const size_t call = insns_.size();
    if (has_function) {
      insns_.push_back({.code = 0x85, .src = abi::BPF_PSEUDO_CALL});
      for (uint8_t r = 1; r <= 5; ++r) load_start_value(r);
      body(4, 1);
    }
    epilogue();
    if (has_function) {
      insns_[call].imm = static_cast<int32_t>(insns_.size() - call - 1);
      function();
    }
    return std::move(insns_);
  }

 private:
  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }
  template <class T>
  T pick(std::span<const T> choices) {
    return choices[below(static_cast<uint32_t>(choices.size()))];
  }

  // Scalars only: not the context, not the frame pointer.
  uint8_t scalar() {
    static constexpr std::array<uint8_t, 9> kScalars = {0, 1, 2, 3, 4, 5, 7, 8, 9};
    return kScalars[below(in_function_ ? 6 : 9)];
  }

  int32_t constant() {
    static constexpr std::array<int32_t, 14> kInteresting = {
        0, 1, -1, 2, -2, 7, 8, 0x7fff, INT32_MAX, INT32_MIN, 0xffff, 0x100, -32768, 64};
    return below(2) == 0 ? kInteresting[below(kInteresting.size())] : static_cast<int32_t>(random_());
  }

  void load_start_value(uint8_t reg) {
    insns_.push_back(
        {.code = 0x79, .dst = reg, .src = kContextRegister, .off = static_cast<int16_t>(reg * 8)});
  }

  int16_t context_offset_of_slot(size_t slot) const {
    return static_cast<int16_t>((Context::kRegisters + slot) * 8);
  }
  int16_t stack_offset_of_slot(size_t slot) const {
    return static_cast<int16_t>(-8 * (static_cast<int>(slot) + 1));
  }

  void prologue() {
    insns_.push_back({.code = 0xbf, .dst = kContextRegister, .src = 1});
    for (size_t slot = 0; slot < Context::kSlots; ++slot) {
      insns_.push_back(
          {.code = 0x79, .dst = 0, .src = kContextRegister, .off = context_offset_of_slot(slot)});
      insns_.push_back({.code = 0x7b, .dst = kFrame, .src = 0, .off = stack_offset_of_slot(slot)});
    }
    insns_.push_back({.code = 0x79, .dst = 0, .src = kContextRegister, .off = Context::kOne * 8});
    insns_.push_back({.code = 0x7b, .dst = kFrame, .src = 0, .off = kOneOffset});
    for (uint8_t r : {0, 1, 2, 3, 4, 5, 7, 8, 9}) load_start_value(r);
  }

  void epilogue() {
    for (uint8_t r : {0, 1, 2, 3, 4, 5, 7, 8, 9})
      insns_.push_back({.code = 0x7b, .dst = kContextRegister, .src = r, .off = static_cast<int16_t>(r * 8)});
    for (size_t slot = 0; slot < Context::kSlots; ++slot) {
      insns_.push_back({.code = 0x79, .dst = 1, .src = kFrame, .off = stack_offset_of_slot(slot)});
      insns_.push_back(
          {.code = 0x7b, .dst = kContextRegister, .src = 1, .off = context_offset_of_slot(slot)});
    }
    insns_.push_back({.code = 0x95});
  }

  // A function of r1..r5, of which r5 is 1, with a stack of its own.
  void function() {
    in_function_ = true;
    insns_.push_back({.code = 0xbf, .dst = 0, .src = 2});
    insns_.push_back({.code = 0x7b, .dst = kFrame, .src = 5, .off = kOneOffset});
    for (size_t slot = 0; slot < Context::kSlots; ++slot)
      insns_.push_back({.code = 0x7b,
                        .dst = kFrame,
                        .src = static_cast<uint8_t>(1 + slot % 5),
                        .off = stack_offset_of_slot(slot)});
    body(3 + below(10), 2);
    insns_.push_back({.code = 0x95});
  }

  // Three rounds, counted in a stack slot that nothing else touches.
  void loop(size_t length) {
    const int16_t counter = kCounterOffset;
    insns_.push_back({.code = 0x7a, .dst = kFrame, .off = counter, .imm = 0});
    const size_t top = insns_.size();
    body(length, 1);
    insns_.push_back({.code = 0x79, .dst = 9, .src = kFrame, .off = counter});
    insns_.push_back({.code = 0x07, .dst = 9, .imm = 1});
    insns_.push_back({.code = 0x7b, .dst = kFrame, .src = 9, .off = counter});
    const auto back = static_cast<int16_t>(static_cast<int>(top) - static_cast<int>(insns_.size()) - 1);
    insns_.push_back({.code = 0xa5, .dst = 9, .off = back, .imm = 3});
  }

  void body(size_t length, int jumps) {
    for (size_t i = 0; i < length; ++i) {
      const uint32_t kind = below(20);
      if (kind < 10) {
        arithmetic();
      } else if (kind < 12) {
        load();
      } else if (kind < 14) {
        store();
      } else if (kind < 16) {
        atomic();
      } else if (kind == 16) {
        variable_stack_access();
      } else if (kind == 17) {
        wide_constant();
      } else if (jumps-- > 0) {
        jump();
      }
    }
  }

  Insn of(const InsnDesc& desc) {
    Insn insn{.code = desc.code};
    if (desc.off_key != isa::kAny) insn.off = static_cast<int16_t>(desc.off_key);
    if (desc.imm_key != isa::kAny) insn.imm = desc.imm_key;
    return insn;
  }

  void arithmetic() {
    const InsnDesc& desc = *pick<const InsnDesc*>(pools().arithmetic);
    Insn insn = of(desc);
    insn.dst = scalar();
    if (desc.source == Source::kReg) insn.src = scalar();
    if (desc.source == Source::kImm) insn.imm = immediate_for(desc);
    insns_.push_back(insn);
  }

  // The verifier refuses constant shifts by the width or more and division by a constant zero.
  int32_t immediate_for(const InsnDesc& desc) {
    switch (desc.operation) {
      case Operation::kLsh:
      case Operation::kRsh:
      case Operation::kArsh:
        return static_cast<int32_t>(below(desc.width == Width::k64 ? 64 : 32));
      case Operation::kDiv:
      case Operation::kMod:
      case Operation::kSdiv:
      case Operation::kSmod: {
        const int32_t value = constant();
        return value == 0 ? 3 : value;
      }
      default:
        return constant();
    }
  }

  int16_t aligned_stack_offset(unsigned bytes) {
    return static_cast<int16_t>(-kStackBytes +
                                static_cast<int>(below(static_cast<uint32_t>(kStackBytes) / bytes) * bytes));
  }

  void load() {
    Insn insn = of(*pick<const InsnDesc*>(pools().loads));
    insn.dst = scalar();
    insn.src = kFrame;
    insn.off = aligned_stack_offset(isa::describe(insn)->mem_bytes);
    insns_.push_back(insn);
  }

  void store() {
    const InsnDesc& desc = *pick<const InsnDesc*>(pools().stores);
    Insn insn = of(desc);
    insn.dst = kFrame;
    if (desc.source == Source::kReg) insn.src = scalar();
    if (desc.source == Source::kImm) insn.imm = constant();
    insn.off = aligned_stack_offset(desc.mem_bytes);
    insns_.push_back(insn);
  }

  void atomic() {
    const InsnDesc& desc = *pick<const InsnDesc*>(pools().atomics);
    Insn insn = of(desc);
    insn.dst = kFrame;
    insn.src = scalar();
    insn.off = aligned_stack_offset(desc.mem_bytes);
    // Let cmpxchg succeed half of the time.
    if (desc.operation == Operation::kAtomicCmpxchg && below(2) == 0)
      insns_.push_back({.code = static_cast<uint8_t>(desc.mem_bytes == 8 ? 0x79 : 0x61),
                        .dst = 0,
                        .src = kFrame,
                        .off = insn.off});
    insns_.push_back(insn);
    // On x86 Linux zero-extends r0 after a 32-bit cmpxchg only where its verifier saw the upper half read,
    // which it misses on paths that it prunes (6.18). Here r0 is zero-extended in any case, as RFC 9669 has
    // it, so the programs that are compared do it themselves; CmpxchgZeroExtends asks about the plain case.
    if (desc.operation == Operation::kAtomicCmpxchg && desc.mem_bytes == 4)
      insns_.push_back({.code = 0xbc, .dst = 0, .src = 0});
    if (desc.format == Format::kAtomicFetch)
      forget_range(desc.operation == Operation::kAtomicCmpxchg ? 0 : insn.src);
  }

  // Divides by a 1 that the verifier does not know to be one. Linux 6.18 loses precision at a fetch from the
  // stack: it may take a branch on the fetched value for decided although another path, pruned, decides
  // otherwise, and then runs that branch wrongly. What a fetch yields must therefore be unknown to it.
  void forget_range(uint8_t reg) {
    const uint8_t one = reg == 5 ? 4 : 5;
    insns_.push_back({.code = 0x79, .dst = one, .src = kFrame, .off = kOneOffset});
    insns_.push_back({.code = 0x3f, .dst = reg, .src = one});
  }

  // *(u64 *)(r10 - 64 + (reg & 56)) through r5, which is a scalar again afterwards.
  void variable_stack_access() {
    const uint8_t index = below(4), value = 4;
    insns_.push_back({.code = 0xbf, .dst = 5, .src = index});
    insns_.push_back({.code = 0x57, .dst = 5, .imm = kStackBytes - 8});
    insns_.push_back({.code = 0x0f, .dst = 5, .src = kFrame});
    if (below(2) == 0) {
      insns_.push_back({.code = 0x7b, .dst = 5, .src = value, .off = -kStackBytes});
      insns_.push_back({.code = 0xbf, .dst = 5, .src = index});
    } else {
      insns_.push_back({.code = 0x79, .dst = 5, .src = 5, .off = -kStackBytes});
    }
  }

  void wide_constant() {
    const uint64_t value = random_() >> below(64);
    insns_.push_back({.code = 0x18, .dst = scalar(), .imm = static_cast<int32_t>(value)});
    insns_.push_back({.imm = static_cast<int32_t>(value >> 32)});
  }

  // Over one to four instructions; sometimes with a goto at their end over one more.
  void jump() {
    const InsnDesc& desc = *pick<const InsnDesc*>(pools().jumps);
    Insn insn = of(desc);
    insn.dst = scalar();
    if (desc.source == Source::kReg) insn.src = scalar();
    if (desc.source == Source::kImm) insn.imm = constant();
    const size_t at = insns_.size();
    insns_.push_back(insn);
    for (uint32_t i = 0, count = 1 + below(4); i < count; ++i) arithmetic();
    const uint32_t long_form = below(4);
    if (long_form < 2)
      insns_.push_back(long_form == 0 ? Insn{.code = 0x05, .off = 1} : Insn{.code = 0x06, .imm = 1});
    insns_[at].off = static_cast<int16_t>(insns_.size() - at - 1);
    if (long_form < 2) arithmetic();
  }

  std::mt19937_64 random_;
  std::vector<Insn> insns_;
  bool in_function_ = false;
};

}  // namespace

std::vector<Insn> generate_program(uint64_t seed) { return Generator(seed).program(); }

Context generate_context(uint64_t seed) {
  static constexpr uint64_t kEdges[] = {0,
                                        1,
                                        2,
                                        31,
                                        32,
                                        63,
                                        64,
                                        0x7f,
                                        0x80,
                                        0xff,
                                        0x7fff,
                                        0x8000,
                                        0xffff,
                                        0x7fffffff,
                                        0x80000000,
                                        0xffffffff,
                                        0x100000000,
                                        uint64_t{1} << 63,
                                        ~uint64_t{0},
                                        ~uint64_t{1},
                                        (uint64_t{1} << 63) - 1,
                                        0xffffffff80000000};
  std::mt19937_64 random(seed ^ 0x5bd1e995);
  Context context;
  for (uint64_t& word : context.words)
    word = random() % 2 == 0 ? kEdges[random() % std::size(kEdges)] : random() >> random() % 64;
  context.words[Context::kOne] = 1;
  return context;
}

}  // namespace skep::exec
