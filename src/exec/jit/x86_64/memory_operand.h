// Where a memory instruction's operand is, and what happens when it is not there.
#pragma once

#include <cstddef>

#include "exec/jit/x86_64/assembly.h"

namespace skep::exec::jit::x86_64 {

// A 64-bit member of the RunContext.
Mem run_member(size_t offset);

// The operand at `base` + off for all accesses but probes. An arena's address is made in kScratch.
Mem memory_operand(Assembly& out, const Site& site, Gp base);

// Stands around the one instruction that may fault: a fault clears `reg` (if any) and goes on after it.
// For proved accesses it does nothing.
class FaultMark {
 public:
  FaultMark(Assembly& out, const Site& site, uint8_t cleared = fault::kNoRegister)
      : out_(out), active_(site.row.access != isa::Access::kProved) {
    if (active_) index_ = out.faults.size(), out.faults.push_back({out.offset(), cleared, 0});
  }
  FaultMark(Assembly& out, const Site& site, Gp cleared)
      : FaultMark(out, site, static_cast<uint8_t>(cleared.id())) {}
  ~FaultMark() {
    if (active_) out_.faults[index_].resume = out_.offset();
  }
  FaultMark(const FaultMark&) = delete;
  FaultMark& operator=(const FaultMark&) = delete;

 private:
  Assembly& out_;
  bool active_;
  size_t index_ = 0;
};

}  // namespace skep::exec::jit::x86_64
