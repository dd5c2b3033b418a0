#include "maps/sides.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "abi/bpf.h"
#include "abi/bpf_attr.h"
#include "abi/info.h"
#include "support/live_kernel.h"

namespace skep::maps {
namespace {

uint64_t address(const Bytes& bytes) { return reinterpret_cast<uint64_t>(bytes.data()); }

int run(uint32_t command, abi::map_elem_attr attr) {
  const long result = live::bpf(command, &attr, sizeof attr);
  return result < 0 ? static_cast<int>(result) : 0;
}

int code(const Status& status) { return status ? 0 : -status.error().code; }

}  // namespace

LiveSide::LiveSide(const MapSpec& spec, int btf_fd, int inner_fd) {
  abi::map_create_attr attr = {};
  attr.map_type = spec.type;
  attr.key_size = spec.key_size;
  attr.value_size = spec.value_size;
  attr.max_entries = spec.max_entries;
  attr.map_flags = spec.flags;
  attr.inner_map_fd = static_cast<uint32_t>(inner_fd);
  attr.numa_node = spec.numa_node;
  attr.map_ifindex = spec.ifindex;
  attr.map_extra = spec.extra;
  attr.btf_fd = static_cast<uint32_t>(btf_fd);
  attr.btf_key_type_id = spec.btf_key_type_id;
  attr.btf_value_type_id = spec.btf_value_type_id;
  attr.btf_vmlinux_value_type_id = spec.btf_vmlinux_value_type_id;
  std::memcpy(attr.map_name, spec.name.data(), std::min<size_t>(spec.name.size(), 15));
  const long result = live::bpf(abi::BPF_MAP_CREATE, &attr, abi::kMapCreateEnd);
  if (result < 0)
    error_ = static_cast<int>(result);
  else
    fd_ = UniqueFd(static_cast<int>(result));
}

int LiveSide::lookup(const Bytes& key, Bytes& value, uint64_t flags) {
  return run(
      abi::BPF_MAP_LOOKUP_ELEM,
      {.map_fd = static_cast<uint32_t>(fd()), .key = address(key), .value = address(value), .flags = flags});
}
int LiveSide::update(const Bytes& key, const Bytes& value, uint64_t flags) {
  return run(
      abi::BPF_MAP_UPDATE_ELEM,
      {.map_fd = static_cast<uint32_t>(fd()), .key = address(key), .value = address(value), .flags = flags});
}
int LiveSide::erase(const Bytes& key) {
  return run(abi::BPF_MAP_DELETE_ELEM, {.map_fd = static_cast<uint32_t>(fd()), .key = address(key)});
}
int LiveSide::lookup_and_delete(const Bytes& key, Bytes& value, uint64_t flags) {
  return run(
      abi::BPF_MAP_LOOKUP_AND_DELETE_ELEM,
      {.map_fd = static_cast<uint32_t>(fd()), .key = address(key), .value = address(value), .flags = flags});
}
int LiveSide::next(const Bytes& key, Bytes& next) {
  return run(abi::BPF_MAP_GET_NEXT_KEY,
             {.map_fd = static_cast<uint32_t>(fd()), .key = address(key), .value = address(next)});
}
int LiveSide::freeze() { return run(abi::BPF_MAP_FREEZE, {.map_fd = static_cast<uint32_t>(fd())}); }

uint64_t LiveSide::memlock() const {
  std::ifstream file(fmt::format("/proc/self/fdinfo/{}", fd()));
  for (std::string word; file >> word;)
    if (uint64_t bytes = 0; word == "memlock:" && file >> bytes) return bytes;
  return UINT64_MAX;
}
uint32_t LiveSide::id() const { return live::info<abi::bpf_map_info>(fd())->id; }

OurSide::OurSide(const MapSpec& spec) {
  auto made = create(spec);
  if (made)
    map_ = std::move(*made);
  else
    error_ = -made.error().code;
}

// What bpf(2) itself checks of flags; values come back from what succeeds only.
int OurSide::lookup(const Bytes& key, Bytes& value, uint64_t flags) {
  if (flags & ~uint64_t{abi::BPF_F_LOCK} || (flags != 0 && !map_->has_lock())) return -EINVAL;
  Bytes found = value;
  const int error = map_->sys_lookup(key, found, flags);
  if (error == 0) value = found;
  return error;
}
int OurSide::update(const Bytes& key, const Bytes& value, uint64_t flags) {
  if (map_->frozen()) return -EPERM;
  return flags & abi::BPF_F_LOCK && !map_->has_lock() ? -EINVAL : map_->sys_update(key, value, flags);
}
int OurSide::erase(const Bytes& key) { return map_->frozen() ? -EPERM : map_->sys_delete(key); }
int OurSide::lookup_and_delete(const Bytes& key, Bytes& value, uint64_t flags) {
  if (flags & ~uint64_t{abi::BPF_F_LOCK} || (flags != 0 && !map_->has_lock())) return -EINVAL;
  if (map_->frozen()) return -EPERM;
  Bytes found = value;
  const int error = map_->sys_lookup_and_delete(key, found, flags);
  if (error == 0) value = found;
  return error;
}
int OurSide::next(const Bytes& key, Bytes& next) { return map_->sys_next_key(key, next); }
int OurSide::freeze() { return map_->frozen() ? -EPERM : code(map_->freeze()); }

IntBtf::IntBtf() {
  const uint32_t types[] = {1, 1u << 24, 4, 1u << 24 | 32};
  const uint32_t header[] = {0x0001eb9f, 24, 0, sizeof types, sizeof types, 5};
  Bytes raw(sizeof header + sizeof types + 5);
  std::memcpy(raw.data(), header, sizeof header);
  std::memcpy(raw.data() + sizeof header, types, sizeof types);
  std::memcpy(raw.data() + sizeof header + sizeof types, "\0int", 5);
  ours = *btf::Btf::parse(raw);
  live = std::move(live::load_btf(raw).fd);
}

MapSpec good_spec(uint32_t type, const IntBtf& btf, Ref<Map> inner) {
  MapSpec spec{.type = type, .key_size = 4, .value_size = 4, .max_entries = 16};
  switch (type) {
    case abi::BPF_MAP_TYPE_STACK_TRACE:
      spec.value_size = 64;
      break;
    case abi::BPF_MAP_TYPE_LPM_TRIE:
      spec.key_size = 8, spec.flags = abi::BPF_F_NO_PREALLOC;
      break;
    case abi::BPF_MAP_TYPE_ARRAY_OF_MAPS:
    case abi::BPF_MAP_TYPE_HASH_OF_MAPS:
      spec.inner_map = std::move(inner);
      break;
    case abi::BPF_MAP_TYPE_CGROUP_STORAGE:
    case abi::BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
      spec.key_size = 8, spec.max_entries = 0;
      break;
    case abi::BPF_MAP_TYPE_QUEUE:
    case abi::BPF_MAP_TYPE_STACK:
    case abi::BPF_MAP_TYPE_BLOOM_FILTER:
      spec.key_size = 0;
      break;
    case abi::BPF_MAP_TYPE_SK_STORAGE:
    case abi::BPF_MAP_TYPE_INODE_STORAGE:
    case abi::BPF_MAP_TYPE_TASK_STORAGE:
    case abi::BPF_MAP_TYPE_CGRP_STORAGE:
      spec.flags = abi::BPF_F_NO_PREALLOC, spec.max_entries = 0;
      spec.btf = btf.ours, spec.btf_key_type_id = spec.btf_value_type_id = 1;
      break;
    case abi::BPF_MAP_TYPE_STRUCT_OPS:
      spec.max_entries = 1, spec.btf_vmlinux_value_type_id = 1;
      break;
    case abi::BPF_MAP_TYPE_RINGBUF:
    case abi::BPF_MAP_TYPE_USER_RINGBUF:
      spec.key_size = spec.value_size = 0, spec.max_entries = 4096;
      break;
    case abi::BPF_MAP_TYPE_ARENA:
      spec.key_size = spec.value_size = 0, spec.flags = abi::BPF_F_MMAPABLE;
      break;
    default:
      break;
  }
  return spec;
}

template <class Side>
std::vector<Bytes> all_keys(Side& side, size_t key_size) {
  std::vector<Bytes> keys;
  Bytes key, next(key_size);
  while (side.next(key, next) == 0) keys.push_back(key = next);
  std::ranges::sort(keys);
  return keys;
}
template std::vector<Bytes> all_keys(LiveSide&, size_t);
template std::vector<Bytes> all_keys(OurSide&, size_t);

}  // namespace skep::maps
