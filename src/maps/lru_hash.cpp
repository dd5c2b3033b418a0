#include "maps/lru_hash.h"

#include <limits>

#include "abi/bpf.h"
#include "maps/factories.h"
#include "maps/rules.h"

namespace skep::maps {
namespace {

// How many elements the hand passes under one hold of the free lock.
constexpr uint32_t kSteps = 128;
// Linux: elements are dealt out evenly to the lists of all CPUs.
MapSpec dealt_evenly(MapSpec spec) {
  const uint32_t cpus = possible_cpus();
  const uint64_t up = round_up(spec.max_entries, cpus);
  spec.max_entries = static_cast<uint32_t>(up <= std::numeric_limits<uint32_t>::max() ? up : up - cpus);
  return spec;
}

}  // namespace

Result<Ref<Map>> create_lru_hash(const MapSpec& wanted, const MapTypeRow& row) {
  const MapSpec spec = wanted.flags & abi::BPF_F_NO_COMMON_LRU ? dealt_evenly(wanted) : wanted;
  return make_ref<LruHashMap>(spec, row, SKEP_TRY(hash_buckets(spec, row)));
}

// Twice round finds something, since the first round leaves nothing marked as used; more only when other
// threads are quicker, and then there may be room already.
bool LruHashMap::make_room() noexcept {
  const uint64_t rounds = 4 * (uint64_t{spec().max_entries} + kSteps);
  for (uint64_t passed = 0; passed < rounds;) {
    uint32_t seen = 0;
    Element* const element = next_unused(kSteps, &seen);
    if (element != nullptr && evict(element)) return true;
    if (count() < spec().max_entries) return true;
    passed += seen + 1;
  }
  return false;
}

}  // namespace skep::maps
