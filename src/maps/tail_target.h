// TailTarget: what a prog_array slot points at. The exec layer derives its images from it; the JIT jumps
// through it without a lock, so a replaced target is dropped after an RCU grace period.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/ref.h"

namespace skep::maps {

class TailTarget : public RefCounted {
 public:
  // Entry of a JIT image, uint64_t(void* ctx, RunContext*): a tail call takes its own frame down and jumps
  // there. Null when the program is interpreted.
  const void* jit_tail_entry = nullptr;
  uint32_t program_id = 0;
  // The program object whose image this is, which holds this target; null for images without one. A slot
  // keeps the owner when there is one (else the target), so that the program's id lives as long as the slot.
  RefCounted* owner = nullptr;
};

// The part of a prog_array that generated code reads: bounds check, then slots[index].
struct TailSlots {
  uint32_t count = 0;
  std::atomic<TailTarget*>* slots = nullptr;
};

}  // namespace skep::maps
