#include "maps/array.h"

#include <fcntl.h>

#include "abi/btf.h"
#include "maps/client_mappings.h"
#include "maps/factories.h"
#include "maps/rules.h"
#include "maps/words.h"

namespace skep::maps {
// Linux: array_map_alloc_check, for all array-like types.
Status check_array(const MapSpec& spec) {
  constexpr uint32_t kAllowed = abi::BPF_F_NUMA_NODE | abi::BPF_F_MMAPABLE | kAccessFlags |
                                abi::BPF_F_PRESERVE_ELEMS | abi::BPF_F_INNER_MAP;
  const bool per_cpu = spec.type == abi::BPF_MAP_TYPE_PERCPU_ARRAY;
  if (spec.max_entries == 0 || spec.key_size != 4 || spec.value_size == 0 || (spec.flags & ~kAllowed) ||
      !program_access_ok(spec.flags) || (per_cpu && names_numa_node(spec)))
    return fail(EINVAL);
  if (spec.type != abi::BPF_MAP_TYPE_ARRAY && (spec.flags & (abi::BPF_F_MMAPABLE | abi::BPF_F_INNER_MAP)))
    return fail(EINVAL);
  if (spec.type != abi::BPF_MAP_TYPE_PERF_EVENT_ARRAY && (spec.flags & abi::BPF_F_PRESERVE_ELEMS))
    return fail(EINVAL);
  if (spec.value_size > INT32_MAX) return fail(E2BIG);
  if (per_cpu && round_up(spec.value_size, 8) > kMaxPerCpuValue) return fail(E2BIG);
  return {};
}

// Linux: array_map_check_btf. The data sections that libbpf makes maps of have a key without a type.
Status check_array_btf(const MapSpec& spec, btf::Type key, btf::Type value) {
  if (key.is_void()) {
    const bool section =
        spec.type == abi::BPF_MAP_TYPE_ARRAY && spec.max_entries == 1 && value.is(abi::BTF_KIND_DATASEC);
    return section ? Status{} : fail(EINVAL);
  }
  if (!key.is_int()) return fail(EINVAL);
  const uint32_t bits = key.int_data() & 0xff, offset = key.int_data() >> 16 & 0xff;
  return bits == 32 && offset == 0 ? Status{} : fail(EINVAL);
}

Result<Ref<Map>> create_array(const MapSpec& spec, const MapTypeRow& row) {
  const uint64_t bytes = spec.max_entries * round_up(spec.value_size, 8);
  const bool client_writable = !(spec.flags & abi::BPF_F_RDONLY_PROG);
  Memory memory = spec.flags & abi::BPF_F_MMAPABLE
                      ? SKEP_TRY(Memory::shared_file("bpf-map:" + spec.name, bytes, client_writable))
                      : SKEP_TRY(Memory::anonymous(bytes));
  return make_ref<ArrayMap>(spec, row, std::move(memory));
}

ArrayMap::ArrayMap(const MapSpec& spec, const MapTypeRow& row, Memory memory)
    : Map(spec, row),
      stride_(static_cast<uint32_t>(round_up(spec.value_size, 8))),
      layout_(spec),
      memory_(std::move(memory)) {}

void* ArrayMap::lookup(const void* key, uint32_t) noexcept {
  const uint32_t index = index_of(key);
  if (index >= spec().max_entries) return nullptr;
  return base() + uint64_t{index} * stride_;
}

int ArrayMap::update(const void* key, const void* value, uint64_t flags, uint32_t) noexcept {
  if ((flags & ~abi::BPF_F_LOCK) > abi::BPF_EXIST) return -EINVAL;
  auto* const element = static_cast<std::byte*>(lookup(key, 0));
  if (element == nullptr) return -E2BIG;
  if (flags & abi::BPF_NOEXIST) return -EEXIST;
  if ((flags & abi::BPF_F_LOCK) && !layout_.has_lock()) return -EINVAL;
  if (flags & abi::BPF_F_LOCK)
    layout_.copy_in_locked(element, value);
  else
    layout_.copy_in(element, value);
  return 0;
}

int ArrayMap::sys_lookup(std::span<const std::byte> key, std::span<std::byte> value, uint64_t flags) {
  const auto* const element = static_cast<const std::byte*>(lookup(key.data(), 0));
  if (element == nullptr) return -ENOENT;
  if (flags & abi::BPF_F_LOCK)
    layout_.copy_out_locked(value.data(), element);
  else
    layout_.copy_out(value.data(), element);
  return 0;
}

int64_t ArrayMap::for_each(const std::function<uint64_t(const void*, void*)>& visit, uint32_t) {
  for (uint32_t index = 0; index < spec().max_entries; ++index) {
    const uint32_t key = index;
    if (visit(&key, base() + uint64_t{index} * stride_) != 0) return index + 1;
  }
  return spec().max_entries;
}

int ArrayMap::sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  return next_index(spec().max_entries, key, next);
}

Result<Mapping> ArrayMap::mapping() {
  if (memory_.fd() < 0) return fail(EINVAL);
  return Mapping{.fd = memory_.fd(),
                 .size = memory_.size(),
                 .writable = !(spec().flags & abi::BPF_F_RDONLY_PROG) && !frozen()};
}

Result<uint64_t> ArrayMap::direct_value_address(uint32_t offset) {
  if (spec().max_entries != 1) return fail(kENotSupp);
  if (offset >= spec().value_size) return fail(EINVAL);
  return reinterpret_cast<uint64_t>(base() + offset);
}

uint64_t ArrayMap::memory_usage() const {
  const uint64_t elements = uint64_t{spec().max_entries} * stride_;
  if (memory_.fd() < 0) return kArrayOverhead + elements;
  return round_up(kArrayOverhead, page_size()) + round_up(elements, page_size());
}

Status ArrayMap::prepare_freeze() {
  if (memory_.fd() < 0 || (spec().flags & abi::BPF_F_RDONLY_PROG)) return {};
  // Asked twice: a refused freeze must not have sealed the file, and what the seal came too late for is found
  // behind it.
  if (clients_map_writable(memory_.fd(), base())) return fail(EBUSY);
  if (fcntl(memory_.fd(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE) != 0) return fail_last();
  return clients_map_writable(memory_.fd(), base()) ? fail(EBUSY) : Status{};
}

}  // namespace skep::maps
