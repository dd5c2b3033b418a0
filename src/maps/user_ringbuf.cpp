// user_ringbuf: records from clients to programs. It can be created; nobody can map it and no program drains
// it here.
#include <bit>

#include "abi/bpf.h"
#include "maps/empty_map.h"
#include "maps/factories.h"
#include "maps/memory.h"
#include "maps/rules.h"

namespace skep::maps {
namespace {

int update_ring(const Map&, const void*, const void*, uint64_t) { return -kENotSupp; }

constexpr EmptyAnswers kUserRing = {
    .lookup = -kENotSupp,
    .erase = -kENotSupp,
    .next = -kENotSupp,
    .update = update_ring,
    .memory = [](const MapSpec& spec) { return kRingBufOverhead + 16 + spec.max_entries; }};

}  // namespace

// Linux: ringbuf_map_alloc.
Result<Ref<Map>> create_user_ringbuf(const MapSpec& spec, const MapTypeRow& row) {
  if ((spec.flags & ~uint32_t{abi::BPF_F_NUMA_NODE}) || spec.key_size != 0 || spec.value_size != 0 ||
      !std::has_single_bit(spec.max_entries) || spec.max_entries % page_size() != 0)
    return fail(EINVAL);
  return make_ref<EmptyMap>(spec, row, kUserRing);
}

}  // namespace skep::maps
