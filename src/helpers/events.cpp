// Output to perf events. Slots of a perf_event_array hold events of the host's kernel, into whose buffers
// nothing here can write: to programs every slot is empty.
#include <cerrno>

#include "abi/helper_ids.h"
#include "helpers/impl.h"
#include "maps/map.h"
#include "net/sk_buff.h"
#include "net/xdp_buff.h"

namespace skep::helpers {
namespace {

uint64_t status(int code) { return static_cast<uint64_t>(int64_t{code}); }

uint64_t output(uint64_t map, uint64_t flags, const RunContext& run) {
  const uint64_t index = flags & abi::BPF_F_INDEX_MASK;
  const uint64_t slot = index == abi::BPF_F_CURRENT_CPU ? run.cpu : index;
  return status(slot >= maps::Map::from_handle(map)->spec().max_entries ? -E2BIG : -ENOENT);
}

// Bytes of the packet that are to follow the record.
uint64_t output_with_packet(uint64_t map, uint64_t flags, uint64_t length, const RunContext& run) {
  constexpr uint64_t kShift = 32;
  if ((flags & ~uint64_t{abi::BPF_F_CTXLEN_MASK | abi::BPF_F_INDEX_MASK}) != 0) return status(-EINVAL);
  if ((flags & abi::BPF_F_CTXLEN_MASK) >> kShift > length) return status(-EFAULT);
  return output(map, flags, run);
}

}  // namespace

uint64_t perf_event_output(uint64_t, uint64_t map, uint64_t flags, uint64_t, uint64_t, RunContext& run) {
  if ((flags & ~uint64_t{abi::BPF_F_INDEX_MASK}) != 0) return status(-EINVAL);
  return output(map, flags, run);
}

uint64_t skb_event_output(uint64_t ctx, uint64_t map, uint64_t flags, uint64_t, uint64_t, RunContext& run) {
  return output_with_packet(map, flags, reinterpret_cast<net::SkBuff*>(ctx)->len, run);
}

uint64_t xdp_event_output(uint64_t ctx, uint64_t map, uint64_t flags, uint64_t, uint64_t, RunContext& run) {
  const auto& xdp = *reinterpret_cast<net::XdpBuff*>(ctx);
  return output_with_packet(map, flags, static_cast<uint64_t>(xdp.data_end - xdp.data), run);
}

}  // namespace skep::helpers
