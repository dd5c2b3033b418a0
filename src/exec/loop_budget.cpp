#include "exec/loop_budget.h"

#include <time.h>

namespace skep::exec {

void LoopBudget::refill() {
  timespec time = {};
  clock_gettime(CLOCK_MONOTONIC, &time);
  const uint64_t now =
      static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
  if (since == 0) since = now;
  if (now - since < kNanoseconds) left = kIterations;
}

}  // namespace skep::exec
