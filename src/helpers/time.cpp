// Helpers on time, randomness and where the program runs.
#include "helpers/impl.h"

namespace skep::helpers {

using Clock = RunEnvironment::Clock;

uint64_t ktime_get_ns(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return run.env->now_ns(Clock::kMonotonic);
}

uint64_t ktime_get_boot_ns(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return run.env->now_ns(Clock::kBoottime);
}

uint64_t ktime_get_coarse_ns(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return run.env->now_ns(Clock::kMonotonicCoarse);
}

uint64_t ktime_get_tai_ns(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return run.env->now_ns(Clock::kTai);
}

uint64_t jiffies64(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return run.env->now_ns(Clock::kJiffies);
}

uint64_t get_prandom_u32(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return run.env->random_u32();
}

uint64_t get_smp_processor_id(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return run.cpu;
}

// All virtual CPUs belong to one node.
uint64_t get_numa_node_id(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) { return 0; }

}  // namespace skep::helpers
