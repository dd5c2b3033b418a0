#include "maps/virtual_cpu.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "base/check.h"
#include "maps/map.h"

namespace skep::maps {
namespace {

// One cache line each, since each is written by the thread that runs on it.
struct alignas(64) Slot {
  std::atomic<bool> taken{false};
};
std::array<Slot, kMaxCpus> slots;
// Counts releases that somebody may wait for.
std::atomic<uint32_t> releases{0};
std::atomic<uint32_t> waiting{0};

std::atomic<uint32_t> cpu_count{0};

struct Held {
  uint32_t number = 0;  // the last one, when depth is 0
  uint32_t depth = 0;
};
thread_local Held held;

bool take(uint32_t number) {
  bool expected = false;
  return slots[number].taken.compare_exchange_strong(expected, true, std::memory_order_seq_cst);
}

bool take_any(uint32_t count) {
  if (held.number < count && take(held.number)) return true;
  for (uint32_t number = 0; number < count; ++number)
    if (take(number)) {
      held.number = number;
      return true;
    }
  return false;
}

void wait_for_slot(uint32_t count) {
  waiting.fetch_add(1);
  for (;;) {
    const uint32_t seen = releases.load();
    if (take_any(count)) break;
    releases.wait(seen);
  }
  waiting.fetch_sub(1);
}

}  // namespace

uint32_t possible_cpus() {
  const uint32_t count = cpu_count.load(std::memory_order_relaxed);
  if (count != 0) return count;
  const auto online = static_cast<uint32_t>(std::clamp(sysconf(_SC_NPROCESSORS_ONLN), 1L, long{kMaxCpus}));
  uint32_t unset = 0;
  return cpu_count.compare_exchange_strong(unset, online) ? online : unset;
}

void set_possible_cpus(uint32_t count) {
  SKEP_CHECK(count >= 1 && count <= kMaxCpus);
  cpu_count.store(count);
}

VirtualCpu::VirtualCpu() {
  if (held.depth++ == 0) {
    const uint32_t count = possible_cpus();
    if (!take_any(count)) wait_for_slot(count);
  }
  number_ = held.number;
}

VirtualCpu::~VirtualCpu() {
  if (--held.depth != 0) return;
  slots[number_].taken.store(false, std::memory_order_seq_cst);
  if (waiting.load(std::memory_order_seq_cst) == 0) return;
  releases.fetch_add(1);
  releases.notify_one();
}

}  // namespace skep::maps
