// devmap and devmap_hash: network devices to redirect packets to. No device exists here, so every update
// that names one answers EINVAL.
#include <bit>

#include "abi/bpf.h"
#include "maps/empty_map.h"
#include "maps/factories.h"
#include "maps/rules.h"

namespace skep::maps {
namespace {

// The start of struct bpf_devmap_val: the interface, then the fd of a program that runs on the redirected
// packets.
struct DeviceValue {
  uint32_t ifindex = 0;
  int32_t program_fd = -1;
};

DeviceValue value_of(const Map& map, const void* bytes) {
  DeviceValue value;
  __builtin_memcpy(&value, bytes, map.spec().value_size);
  return value;
}

int update_devmap(const Map& map, const void* key, const void* bytes, uint64_t flags) {
  if (flags > abi::BPF_EXIST) return -EINVAL;
  if (index_of(key) >= map.spec().max_entries) return -E2BIG;
  if (flags == abi::BPF_NOEXIST) return -EEXIST;
  const DeviceValue value = value_of(map, bytes);
  if (value.ifindex == 0 && value.program_fd <= 0) return 0;  // empties the slot
  return -EINVAL;
}

int update_devmap_hash(const Map&, const void*, const void*, uint64_t) { return -EINVAL; }

constexpr EmptyAnswers kDevmap = {
    .indexed = true,
    .erase = 0,
    .next = EmptyAnswers::kWalk,
    .update = update_devmap,
    .memory = [](const MapSpec& spec) { return 344 + uint64_t{spec.max_entries} * 8; }};
constexpr EmptyAnswers kDevmapHash = {
    .erase = -ENOENT, .update = update_devmap_hash, .memory = [](const MapSpec& spec) {
      return 344 + std::bit_ceil(uint64_t{spec.max_entries}) * 8;
    }};

// Programs may not write what names devices.
MapSpec read_only_for_programs(MapSpec spec) {
  spec.flags |= abi::BPF_F_RDONLY_PROG;
  return spec;
}

}  // namespace

// Linux: dev_map_alloc_check.
Status check_devmap(const MapSpec& spec) {
  constexpr uint32_t kAllowed = abi::BPF_F_NUMA_NODE | abi::BPF_F_RDONLY | abi::BPF_F_WRONLY;
  if (spec.max_entries == 0 || spec.key_size != 4 || (spec.value_size != 4 && spec.value_size != 8) ||
      (spec.flags & ~kAllowed))
    return fail(EINVAL);
  if (spec.type == abi::BPF_MAP_TYPE_DEVMAP_HASH && spec.max_entries > 1u << 31) return fail(EINVAL);
  return {};
}

Result<Ref<Map>> create_devmap(const MapSpec& spec, const MapTypeRow& row) {
  return make_ref<EmptyMap>(read_only_for_programs(spec), row, kDevmap);
}

Result<Ref<Map>> create_devmap_hash(const MapSpec& spec, const MapTypeRow& row) {
  return make_ref<EmptyMap>(read_only_for_programs(spec), row, kDevmapHash);
}

}  // namespace skep::maps
