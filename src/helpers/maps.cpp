// Helpers on maps, and those that call back into the program.
#include "maps/map.h"

#include <sched.h>

#include <atomic>
#include <cerrno>

#include "abi/insn.h"
#include "helpers/impl.h"

namespace skep::helpers {
namespace {

maps::Map& map_of(uint64_t handle) { return *maps::Map::from_handle(handle); }
const void* in(uint64_t address) { return reinterpret_cast<const void*>(address); }
void* out(uint64_t address) { return reinterpret_cast<void*>(address); }
uint64_t status(int code) { return static_cast<uint64_t>(int64_t{code}); }

}  // namespace

uint64_t map_lookup_elem(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return reinterpret_cast<uint64_t>(map_of(map).lookup(in(key), run.cpu));
}

uint64_t map_update_elem(uint64_t map, uint64_t key, uint64_t value, uint64_t flags, uint64_t,
                         RunContext& run) {
  return status(map_of(map).update(in(key), in(value), flags, run.cpu));
}

uint64_t map_delete_elem(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t, RunContext&) {
  return status(map_of(map).erase(in(key)));
}

uint64_t map_push_elem(uint64_t map, uint64_t value, uint64_t flags, uint64_t, uint64_t, RunContext&) {
  return status(map_of(map).push(in(value), flags));
}

uint64_t map_pop_elem(uint64_t map, uint64_t value, uint64_t, uint64_t, uint64_t, RunContext&) {
  return status(map_of(map).pop(out(value)));
}

uint64_t map_peek_elem(uint64_t map, uint64_t value, uint64_t, uint64_t, uint64_t, RunContext&) {
  return status(map_of(map).peek(out(value)));
}

uint64_t map_lookup_percpu_elem(uint64_t map, uint64_t key, uint64_t cpu, uint64_t, uint64_t, RunContext&) {
  if (static_cast<uint32_t>(cpu) >= maps::possible_cpus()) return 0;
  return reinterpret_cast<uint64_t>(map_of(map).lookup_percpu(in(key), static_cast<uint32_t>(cpu)));
}

uint64_t for_each_map_elem(uint64_t map, uint64_t callback, uint64_t context, uint64_t flags, uint64_t,
                           RunContext& run) {
  if (flags != 0) return status(-EINVAL);
  const auto* function = reinterpret_cast<const Function*>(callback);
  const auto visit = [&](const void* key, void* value) {
    const uint64_t args[5] = {map, reinterpret_cast<uint64_t>(key), reinterpret_cast<uint64_t>(value),
                              context, 0};
    return function->call(*function, args, run);
  };
  return static_cast<uint64_t>(map_of(map).for_each(visit, run.cpu));
}

// The lock is a word in a map's value. A holder runs a few dozen instructions, but may have been scheduled
// out.
uint64_t spin_lock(uint64_t lock, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  constexpr int kTriesBeforeYield = 50;
  std::atomic_ref<uint32_t> word(*reinterpret_cast<uint32_t*>(lock));
  for (int tries = 0; word.exchange(1, std::memory_order_acquire) != 0; ++tries)
    if (tries > kTriesBeforeYield) sched_yield();
  return 0;
}

uint64_t spin_unlock(uint64_t lock, uint64_t, uint64_t, uint64_t, uint64_t, RunContext&) {
  std::atomic_ref<uint32_t>(*reinterpret_cast<uint32_t*>(lock)).store(0, std::memory_order_release);
  return 0;
}

uint64_t loop(uint64_t count, uint64_t callback, uint64_t context, uint64_t flags, uint64_t,
              RunContext& run) {
  if (flags != 0) return status(-EINVAL);
  const uint32_t iterations = static_cast<uint32_t>(count);
  if (iterations > abi::BPF_MAX_LOOPS) return status(-E2BIG);
  const auto* function = reinterpret_cast<const Function*>(callback);
  for (uint32_t index = 0; index < iterations; ++index) {
    const uint64_t args[5] = {index, context, 0, 0, 0};
    // The callback's answer is 0 to go on, 1 to stop; the iteration that stops counts.
    if (function->call(*function, args, run) != 0) return index + 1;
  }
  return iterations;
}

}  // namespace skep::helpers
