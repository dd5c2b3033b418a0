// arena: memory that programs and clients share. It can be created; nobody can map it and no program is
// loaded with it here.
#include "abi/bpf.h"
#include "maps/empty_map.h"
#include "maps/factories.h"
#include "maps/memory.h"

namespace skep::maps {
namespace {

constexpr uint64_t kMaxArena = uint64_t{1} << 32;

int update_arena(const Map&, const void*, const void*, uint64_t) { return -EOPNOTSUPP; }

constexpr EmptyAnswers kArena = {
    .lookup = -EINVAL, .erase = -EOPNOTSUPP, .next = -EOPNOTSUPP, .update = update_arena};

}  // namespace

// Linux: arena_map_alloc. map_extra is where clients shall map it; the arena may not cross 4 GiB there.
Result<Ref<Map>> create_arena(const MapSpec& spec, const MapTypeRow& row) {
  constexpr uint32_t kAllowed = abi::BPF_F_SEGV_ON_FAULT | abi::BPF_F_MMAPABLE | abi::BPF_F_NO_USER_CONV;
  if (spec.key_size != 0 || spec.value_size != 0 || spec.max_entries == 0 ||
      !(spec.flags & abi::BPF_F_MMAPABLE) || (spec.flags & ~kAllowed) || spec.extra % page_size() != 0)
    return fail(EINVAL);
  const uint64_t size = spec.max_entries * page_size();
  if (size > kMaxArena) return fail(E2BIG);
  if (spec.extra / kMaxArena != (spec.extra + size - 1) / kMaxArena) return fail(ERANGE);
  return make_ref<EmptyMap>(spec, row, kArena);
}

}  // namespace skep::maps
