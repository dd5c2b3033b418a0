// VerifierState: everything known at one point of one path: frames with registers and stacks, references
// held, and the jumps that led here since the last checkpoint.
//
// Owned by the explorer. Checkpoints are copies; `parent` points at the checkpoint from which a state
// descends, which lives as long as it has branches.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "isa/insn.h"
#include "verifier/state/reg_state.h"

namespace skep::verifier {

inline constexpr int kFramePointer = 10;
inline constexpr int kCallerSaved = 6;  // r0..r5
inline constexpr int kMaxFrames = isa::kMaxCallFrames;
inline constexpr int kSlotBytes = 8;

enum class SlotByte : uint8_t { kInvalid, kSpill, kMisc, kZero };

// Eight bytes of stack. Byte i stands for the address slot end - 1 - i (Linux's numbering): [7] is the lowest
// address, where every spill begins; a spill of 4 bytes marks [4..7].
struct StackSlot {
  std::array<SlotByte, kSlotBytes> bytes{};
  RegState spilled;

  bool is_spill() const { return bytes[7] == SlotByte::kSpill; }
  bool is_scalar_spill() const { return is_spill() && spilled.is_scalar(); }
  bool is_full_spill() const { return bytes[0] == SlotByte::kSpill; }
};

struct Frame {
  std::array<RegState, isa::kRegisterCount> regs;
  std::vector<StackSlot> stack;  // stack[i] covers r10 - 8*(i+1) .. r10 - 8*i
  int32_t callsite = -1;         // the call that made the frame; -1 for the first
  uint32_t subprog = 0;
  uint32_t number = 0;
  bool in_callback = false;
  uint32_t callback_depth = 0;
  int32_t callback_return_low = 0, callback_return_high = 0;
  bool callback_return_checked = false;

  int allocated_stack() const { return static_cast<int>(stack.size()) * kSlotBytes; }
};

struct Reference {
  uint32_t id = 0;
  uint32_t insn = 0;  // where it was acquired
};

enum JumpFlag : uint16_t {
  kStackAccess = 1,  // a spill or fill: `slot` of frame `frame`
  kDstIsStackPointer = 2,
  kSrcIsStackPointer = 4,
};

struct LinkedReg {
  uint8_t frame = 0;
  bool is_reg = false;
  uint8_t index = 0;  // register or slot
};
inline constexpr int kMaxLinkedRegs = 6;
struct LinkedRegs {
  uint8_t count = 0;
  std::array<LinkedReg, kMaxLinkedRegs> items{};
};

struct JumpEntry {
  int32_t insn = 0, previous = 0;
  uint16_t flags = 0;
  uint8_t frame = 0, slot = 0;
  LinkedRegs linked;
};

struct VerifierState {
  std::vector<Frame> frames;  // the last is the current one
  std::vector<Reference> refs;
  std::vector<JumpEntry> history;
  VerifierState* parent = nullptr;
  uint32_t branches = 1;  // paths not yet finished that start here
  int32_t insn = 0, last_insn = 0, first_insn = 0;
  uint32_t may_goto_depth = 0;
  uint32_t callback_unroll_depth = 0;
  bool used_as_loop_entry = false;  // some state was found equal to it before its own branches ended
  bool cleaned = false;

  Frame& current() { return frames.back(); }
  const Frame& current() const { return frames.back(); }
  int depth() const { return static_cast<int>(frames.size()) - 1; }
  // The instruction at which `frame` stands.
  int32_t insn_of_frame(int frame) const {
    return frame == depth() ? insn : frames[static_cast<size_t>(frame) + 1].callsite;
  }
};

// Calls fn(RegState&) for every register and spilled register of every frame.
template <class Fn>
void for_each_reg(VerifierState& state, Fn fn) {
  for (Frame& frame : state.frames) {
    for (RegState& reg : frame.regs) fn(reg);
    for (StackSlot& slot : frame.stack)
      if (slot.is_spill()) fn(slot.spilled);
  }
}

// The byte at r10 + off (off < 0): its slot, and its index in StackSlot::bytes.
constexpr int slot_of(int off) { return (-off - 1) / kSlotBytes; }
constexpr int byte_of(int off) { return (-off - 1) % kSlotBytes; }

}  // namespace skep::verifier
