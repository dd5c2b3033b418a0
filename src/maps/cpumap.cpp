// cpumap: CPUs to redirect packets to. No packet is redirected to a CPU here: an update that would start one
// answers EOPNOTSUPP once Linux's checks have passed.
#include "abi/bpf.h"
#include "maps/empty_map.h"
#include "maps/factories.h"
#include "maps/rules.h"

namespace skep::maps {
namespace {

constexpr uint32_t kMaxQueue = 16384;

// The value is struct bpf_cpumap_val; its first word is the length of the CPU's queue.
int update_cpumap(const Map& map, const void* key, const void* value, uint64_t flags) {
  if (flags > abi::BPF_EXIST) return -EINVAL;
  const uint32_t cpu = index_of(key), queue = index_of(value);
  if (cpu >= map.spec().max_entries) return -E2BIG;
  if (flags == abi::BPF_NOEXIST) return -EEXIST;
  if (queue > kMaxQueue) return -EOVERFLOW;
  if (cpu >= possible_cpus()) return -ENODEV;
  return queue == 0 ? 0 : -EOPNOTSUPP;
}

constexpr EmptyAnswers kCpumap = {
    .indexed = true,
    .erase = 0,
    .next = EmptyAnswers::kWalk,
    .update = update_cpumap,
    .memory = [](const MapSpec& spec) { return 304 + uint64_t{spec.max_entries} * 8; }};

}  // namespace

// Linux: cpu_map_alloc.
Result<Ref<Map>> create_cpumap(const MapSpec& spec, const MapTypeRow& row) {
  if (spec.max_entries == 0 || spec.key_size != 4 || (spec.value_size != 4 && spec.value_size != 8) ||
      (spec.flags & ~uint32_t{abi::BPF_F_NUMA_NODE}))
    return fail(EINVAL);
  if (spec.max_entries > kMaxCpus) return fail(E2BIG);
  return make_ref<EmptyMap>(spec, row, kCpumap);
}

}  // namespace skep::maps
