// stack_trace: stacks by their id. No program collects stacks here (bpf_get_stackid is not built), so the map
// stays empty.
#include <bit>

#include "abi/bpf.h"
#include "maps/empty_map.h"
#include "maps/factories.h"
#include "maps/rules.h"

namespace skep::maps {
namespace {

constexpr uint32_t kAddress = 8, kBuildIdEntry = 32;  // sizes of one frame: u64, struct bpf_stack_build_id
constexpr uint32_t kMaxFrames = 127;                  // kernel.perf_event_max_stack

// Linux keeps one slot for each hash value, and max_entries buffers.
uint64_t memory_of(const MapSpec& spec) {
  return 320 + std::bit_ceil(uint64_t{spec.max_entries}) * 8 +
         uint64_t{spec.max_entries} * (16 + spec.value_size);
}

constexpr EmptyAnswers kStackTrace = {
    .indexed = true, .rounded_up = true, .erase = -ENOENT, .erase_beyond = -E2BIG, .memory = memory_of};

}  // namespace

// Linux: stack_map_alloc.
Result<Ref<Map>> create_stack_trace(const MapSpec& spec, const MapTypeRow& row) {
  constexpr uint32_t kAllowed =
      abi::BPF_F_NUMA_NODE | abi::BPF_F_RDONLY | abi::BPF_F_WRONLY | abi::BPF_F_STACK_BUILD_ID;
  const uint32_t frame = spec.flags & abi::BPF_F_STACK_BUILD_ID ? kBuildIdEntry : kAddress;
  if ((spec.flags & ~kAllowed) || spec.max_entries == 0 || spec.key_size != 4 || spec.value_size < kAddress ||
      spec.value_size % kAddress != 0 || spec.value_size % frame != 0 || spec.value_size / frame > kMaxFrames)
    return fail(EINVAL);
  if (spec.max_entries > 1u << 31) return fail(E2BIG);
  return make_ref<EmptyMap>(spec, row, kStackTrace);
}

}  // namespace skep::maps
