// LoopBudget: how long one frame may loop through may_goto. As Linux has it since 6.15: a count that is
// refilled until the frame has looped for 250 ms.
#pragma once

#include <cstdint>

namespace skep::exec {

// Generated code reads and writes `left` itself and calls refill() when it has reached 0.
struct LoopBudget {
  static constexpr uint64_t kIterations = 0xffff;
  static constexpr uint64_t kNanoseconds = 250'000'000;
  uint64_t left = kIterations;
  uint64_t since = 0;  // CLOCK_MONOTONIC at the first refill; 0 before

  // One iteration. True when the loop has to end.
  bool exhausted() {
    if (left == 0) return true;
    if (--left == 0) refill();
    return false;
  }
  void refill();
};

}  // namespace skep::exec
