// The stack: bounds, spills and fills, reads and writes at fixed and variable offsets.
#include <algorithm>
#include <bit>

#include "verifier/log/print_state.h"
#include "verifier/prune/history.h"
#include "verifier/prune/precision.h"
#include "verifier/prune/stack_liveness.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

Frame& frame_of(Context& c, const RegState& ptr) { return c.state->frames[ptr.frame]; }

void grow(Context& c, Frame& frame, int bytes) {
  const auto slots = static_cast<size_t>((bytes + kSlotBytes - 1) / kSlotBytes);
  if (frame.stack.size() < slots) frame.stack.resize(slots);
  uint32_t& depth = c.subprogs[frame.subprog].stack_depth;
  depth = std::max(depth, static_cast<uint32_t>(slots * kSlotBytes));
}

SlotByte& byte_at(Frame& frame, int off) {
  return frame.stack[static_cast<size_t>(slot_of(off))].bytes[static_cast<size_t>(byte_of(off))];
}

void scrub(SlotByte& byte) {
  if (byte != SlotByte::kInvalid) byte = SlotByte::kMisc;
}

void overwritten_beside_spill(const Context& c, SlotByte& byte) {
  if (byte == SlotByte::kZero) return;
  if (c.allow_pointer_leaks && byte == SlotByte::kInvalid) return;
  byte = SlotByte::kMisc;
}

void spill(const Context& c, StackSlot& slot, const RegState& reg, uint32_t bytes) {
  slot.spilled = reg;
  for (size_t i = 0; i < kSlotBytes; ++i) {
    if (i >= size_t{kSlotBytes} - bytes)
      slot.bytes[i] = SlotByte::kSpill;
    else
      overwritten_beside_spill(c, slot.bytes[i]);
  }
}

bool fits(const RegState& reg, uint32_t bytes) {
  return static_cast<int>(std::bit_width(reg.bounds.umax)) <= static_cast<int>(bytes) * 8;
}

JumpEntry stack_access(const Frame& frame, int slot) {
  return {
      .flags = kStackAccess, .frame = static_cast<uint8_t>(frame.number), .slot = static_cast<uint8_t>(slot)};
}

void set_zero(const Context& c, RegState& reg) {
  reg = RegState::constant(0);
  reg.precise = !c.privileged;
}

// The bytes of [min, max) into a register: zero if all are known to be.
void load_bytes(Context& c, Frame& frame, int min, int max, int value_reg) {
  bool zero = true;
  for (int i = min; i < max && zero; ++i) zero = byte_at(frame, i) == SlotByte::kZero;
  zero ? set_zero(c, c.reg(value_reg)) : set_unknown(c, c.reg(value_reg));
}

Check readable_byte(Context& c, SlotByte byte, int off, int i, uint32_t bytes) {
  if (byte != SlotByte::kInvalid || c.allow_uninit_stack) return {};
  return c.reject(EACCES, "invalid read from stack off {}+{} size {}", off, i, bytes);
}

int spill_size(const StackSlot& slot) {
  int size = 1;
  for (int i = kSlotBytes - 1; i > 0 && slot.bytes[static_cast<size_t>(i) - 1] == SlotByte::kSpill; --i)
    ++size;
  return size;
}

// A part of a spilled scalar, or more than what was spilled.
Check fill_part(Context& c, StackSlot& slot, int off, uint32_t bytes, int value_reg, bool* from_spill) {
  RegState& spilled = slot.spilled;
  const auto spilled_bytes = static_cast<uint32_t>(spill_size(slot));
  if (!spilled.is_scalar()) {
    print_source_line(c, c.insn_index, "; ");
    return c.reject(EACCES, "invalid size of register fill");
  }
  if (value_reg < 0) {
    *from_spill = false;
    return {};
  }
  RegState& value = c.reg(value_reg);
  if (bytes <= spilled_bytes && off % kSlotBytes == 0) {
    if (c.privileged && bytes == 4 && spilled_bytes == 4 && fits(spilled, 4)) assign_scalar_id(c, spilled);
    value = spilled;
    if (!fits(spilled, bytes)) value.id = 0;
    return {};
  }
  uint32_t spill_bytes = 0, zero_bytes = 0;
  for (uint32_t i = 0; i < bytes; ++i) {
    const SlotByte byte = slot.bytes[static_cast<size_t>(byte_of(off + static_cast<int>(i)))];
    SKEP_REQUIRE(readable_byte(c, byte, off, static_cast<int>(i), bytes));
    spill_bytes += byte == SlotByte::kSpill;
    zero_bytes += byte == SlotByte::kZero;
  }
  if (spill_bytes == bytes && spilled.bounds.bits.equals_const(0)) {
    set_zero(c, value);
    return {};
  }
  *from_spill = false;
  zero_bytes == bytes ? set_zero(c, value) : set_unknown(c, value);
  return {};
}

Check read_fixed(Context& c, Frame& frame, int off, uint32_t bytes, int value_reg) {
  const int index = slot_of(off);
  StackSlot& slot = frame.stack[static_cast<size_t>(index)];
  c.scratch_slot(index);
  c.liveness->read(c, frame.number, index);
  bool from_spill = true;
  if (!slot.is_spill()) {
    from_spill = false;
    for (int i = 0; i < static_cast<int>(bytes); ++i)
      SKEP_REQUIRE(readable_byte(c, byte_at(frame, off + i), off, i, bytes));
    if (value_reg >= 0) load_bytes(c, frame, off, off + static_cast<int>(bytes), value_reg);
  } else if (bytes != kSlotBytes || spill_size(slot) != kSlotBytes) {
    SKEP_REQUIRE(fill_part(c, slot, off, bytes, value_reg, &from_spill));
    if (value_reg < 0) return {};
  } else if (value_reg >= 0) {
    if (c.privileged) assign_scalar_id(c, slot.spilled);
    c.reg(value_reg) = slot.spilled;
  } else if (leaks_pointer(c, slot.spilled)) {
    return c.reject(EACCES, "leaking pointer from stack off {}", off);
  }
  if (from_spill) push_history(c, *c.state, stack_access(frame, index));
  return {};
}

Check write_data(Context& c, Frame& frame, int off, uint32_t bytes, int value_reg, bool zero) {
  StackSlot& slot = frame.stack[static_cast<size_t>(slot_of(off))];
  const bool was_spill = slot.is_spill();
  slot.spilled.kind = RegKind::kNotInit;
  if (was_spill)
    for (SlotByte& byte : slot.bytes) scrub(byte);
  // Later states rely on the zero: whoever computed it must be compared exactly.
  if (zero && value_reg >= 0) SKEP_REQUIRE(mark_precise(c, value_reg));
  for (int i = 0; i < static_cast<int>(bytes); ++i)
    byte_at(frame, off + i) = zero ? SlotByte::kZero : SlotByte::kMisc;
  return {};
}

bool stores_zero(Context& c, int value_reg) {
  if (value_reg >= 0) return c.reg(value_reg).is_null();
  const isa::InsnDesc& d = c.desc(c.insn_index);
  return d.operation == isa::Operation::kStore && d.source == isa::Source::kImm &&
         c.insn(c.insn_index).imm == 0;
}

Check write_fixed(Context& c, Frame& frame, int off, uint32_t bytes, int value_reg) {
  const int index = slot_of(off);
  StackSlot& slot = frame.stack[static_cast<size_t>(index)];
  if (!c.allow_pointer_leaks && slot.is_spill() && !slot.is_scalar_spill() && bytes != kSlotBytes)
    return c.reject(EACCES, "attempt to corrupt spilled pointer on stack");
  c.scratch_slot(index);
  if (bytes == kSlotBytes) c.liveness->write(c, frame.number, index);
  const isa::InsnDesc& d = c.desc(c.insn_index);
  const bool store_imm = d.operation == isa::Operation::kStore && d.source == isa::Source::kImm;
  const bool at_slot = off % kSlotBytes == 0;
  if (value_reg >= 0 && at_slot && c.reg(value_reg).is_scalar() && c.privileged) {
    RegState& reg = c.reg(value_reg);
    const bool whole = fits(reg, bytes);
    if (whole) assign_scalar_id(c, reg);
    spill(c, slot, reg, bytes);
    if (!whole) slot.spilled.id = 0;
  } else if (value_reg < 0 && at_slot && store_imm && c.privileged) {
    spill(c, slot, RegState::constant(static_cast<uint64_t>(int64_t{c.insn(c.insn_index).imm})), bytes);
  } else if (value_reg >= 0 && c.reg(value_reg).is_pointer()) {
    if (bytes != kSlotBytes) {
      print_source_line(c, c.insn_index, "; ");
      return c.reject(EACCES, "invalid size of register spill");
    }
    if (&frame != &c.frame() && c.reg(value_reg).is(RegKind::kStack))
      return c.reject(EINVAL, "cannot spill pointers to stack into stack frame of the caller");
    spill(c, slot, c.reg(value_reg), bytes);
  } else {
    return write_data(c, frame, off, bytes, value_reg, stores_zero(c, value_reg));
  }
  push_history(c, *c.state, stack_access(frame, index));
  return {};
}

Check write_variable(Context& c, Frame& frame, const RegState& ptr, int off, uint32_t bytes, int value_reg) {
  const int min = static_cast<int>(ptr.bounds.smin) + off;
  const int max = static_cast<int>(ptr.bounds.smax) + off + static_cast<int>(bytes);
  const bool zero = stores_zero(c, value_reg);
  bool zero_used = false;
  for (int i = min; i < max; ++i) {
    StackSlot& slot = frame.stack[static_cast<size_t>(slot_of(i))];
    SlotByte& byte = byte_at(frame, i);
    c.scratch_slot(slot_of(i));
    if (!c.allow_pointer_leaks && byte != SlotByte::kMisc && byte != SlotByte::kZero)
      return c.reject(EINVAL, "spilled ptr in range of var-offset stack write; insn {}, ptr off: {}",
                      c.insn_index, i);
    if (zero && byte == SlotByte::kSpill && slot.is_scalar_spill() &&
        slot.spilled.bounds.bits.equals_const(0)) {
      zero_used = true;
      continue;
    }
    slot.spilled.kind = RegKind::kNotInit;
    if (byte == SlotByte::kInvalid && !c.allow_uninit_stack)
      return c.reject(EINVAL,
                      "uninit stack in range of var-offset write prohibited for !root; insn {}, off: {}",
                      c.insn_index, i);
    const bool stays_zero = zero && byte == SlotByte::kZero;
    zero_used |= stays_zero;
    byte = stays_zero ? SlotByte::kZero : SlotByte::kMisc;
  }
  if (zero_used && value_reg >= 0) SKEP_REQUIRE(mark_precise(c, value_reg));
  return {};
}

}  // namespace

Check stack_bounds(Context& c, int ptr_reg, int off, int64_t bytes, AccessType type) {
  const RegState& ptr = c.reg(ptr_reg);
  Frame& frame = frame_of(c, ptr);
  const char* how = type == AccessType::kRead ? " read from" : " write to";
  const Bounds& b = ptr.bounds;
  int64_t min = off, max = off + bytes;
  if (b.is_const()) {
    min += static_cast<int64_t>(b.bits.value);
    max += static_cast<int64_t>(b.bits.value);
  } else {
    if (b.smax >= kMaxVarOffset || b.smin <= -kMaxVarOffset)
      return c.reject(EACCES, "invalid unbounded variable-offset{} stack R{}", how, ptr_reg);
    min += b.smin;
    max += b.smax;
  }
  const int64_t lowest =
      type == AccessType::kWrite || c.allow_uninit_stack ? -isa::kStackSize : -frame.allocated_stack();
  int code = 0;
  if (min < lowest || min > -1)
    code = EACCES;
  else if (max > 0)
    code = EINVAL;
  else if (bytes < 0)
    code = EFAULT;
  if (code == 0) {
    grow(c, frame, static_cast<int>(-min));
    return {};
  }
  if (b.is_const()) return c.reject(code, "invalid{} stack R{} off={} size={}", how, ptr_reg, min, bytes);
  return c.reject(code, "invalid variable-offset{} stack R{} var_off={} off={} size={}", how, ptr_reg,
                  tnum_text(b.bits), off, bytes);
}

Check stack_read(Context& c, int ptr_reg, int off, uint32_t bytes, int value_reg) {
  const RegState ptr = c.reg(ptr_reg);
  Frame& frame = frame_of(c, ptr);
  if (ptr.bounds.is_const())
    return read_fixed(c, frame, off + static_cast<int>(ptr.bounds.bits.value), bytes, value_reg);
  if (value_reg < 0)
    return c.reject(
        EACCES,
        "variable offset stack pointer cannot be passed into helper function; var_off={} off={} size={}",
        tnum_text(ptr.bounds.bits), off, bytes);
  // The caller has added the constant part to off already.
  SKEP_REQUIRE(
      stack_range_initialized(c, ptr_reg, off, static_cast<int>(bytes), false, AccessType::kRead, nullptr));
  load_bytes(c, frame, static_cast<int>(ptr.bounds.smin) + off,
             static_cast<int>(ptr.bounds.smax) + off + static_cast<int>(bytes), value_reg);
  return {};
}

Check stack_write(Context& c, int ptr_reg, int off, uint32_t bytes, int value_reg) {
  const RegState ptr = c.reg(ptr_reg);
  Frame& frame = frame_of(c, ptr);
  if (ptr.bounds.is_const())
    return write_fixed(c, frame, off + static_cast<int>(ptr.bounds.bits.value), bytes, value_reg);
  return write_variable(c, frame, ptr, off, bytes, value_reg);
}

Check stack_range_initialized(Context& c, int ptr_reg, int off, int size, bool zero_size_allowed,
                              AccessType type, HelperMemory* memory) {
  const RegState ptr = c.reg(ptr_reg);
  const Bounds& b = ptr.bounds;
  const bool clobber = type == AccessType::kWrite;
  if (size == 0 && !zero_size_allowed) return c.reject(EACCES, "invalid zero-sized read");
  SKEP_REQUIRE(stack_bounds(c, ptr_reg, off, size, type));
  if (!b.is_const() && !c.allow_pointer_leaks)
    return c.reject(EACCES, "R{} variable offset stack access prohibited for !root, var_off={}", ptr_reg,
                    tnum_text(b.bits));
  if (memory && memory->raw && b.is_const()) {
    memory->reg = ptr_reg;
    memory->size = size;
    return {};
  }
  Frame& frame = frame_of(c, ptr);
  const int min = off + static_cast<int>(b.is_const() ? static_cast<int64_t>(b.bits.value) : b.smin);
  const int max = off + size + static_cast<int>(b.is_const() ? static_cast<int64_t>(b.bits.value) : b.smax);
  for (int i = min; i < max; ++i) {
    StackSlot& slot = frame.stack[static_cast<size_t>(slot_of(i))];
    SlotByte& byte = byte_at(frame, i);
    if (byte == SlotByte::kMisc) {
    } else if (byte == SlotByte::kZero || (byte == SlotByte::kInvalid && c.allow_uninit_stack)) {
      if (clobber) byte = SlotByte::kMisc;
    } else if (slot.is_spill() && (slot.spilled.is_scalar() || c.allow_pointer_leaks)) {
      if (clobber) {
        set_unknown(c, slot.spilled);
        for (SlotByte& each : slot.bytes) scrub(each);
      }
    } else if (b.is_const()) {
      return c.reject(EACCES, "invalid read from stack R{} off {}+{} size {}", ptr_reg, min, i - min, size);
    } else {
      return c.reject(EACCES, "invalid read from stack R{} var_off {}+{} size {}", ptr_reg, tnum_text(b.bits),
                      i - min, size);
    }
    c.liveness->read(c, frame.number, slot_of(i));
  }
  return {};
}

}  // namespace skep::verifier
