#include "maps/percpu_array.h"

#include "abi/bpf.h"
#include "maps/factories.h"
#include "maps/rules.h"
#include "maps/words.h"

namespace skep::maps {

Result<Ref<Map>> create_percpu_array(const MapSpec& spec, const MapTypeRow& row) {
  const uint64_t cpu_stride = round_up(spec.max_entries * round_up(spec.value_size, 8), 64);
  Memory memory = SKEP_TRY(Memory::anonymous(cpu_stride * possible_cpus()));
  return make_ref<PerCpuArrayMap>(spec, row, std::move(memory), cpu_stride);
}

PerCpuArrayMap::PerCpuArrayMap(const MapSpec& spec, const MapTypeRow& row, Memory memory, uint64_t cpu_stride)
    : Map(spec, row),
      stride_(static_cast<uint32_t>(round_up(spec.value_size, 8))),
      cpu_stride_(cpu_stride),
      cpus_(possible_cpus()),
      layout_(spec),
      memory_(std::move(memory)) {}

void* PerCpuArrayMap::lookup_percpu(const void* key, uint32_t cpu) noexcept {
  const uint32_t index = index_of(key);
  if (index >= spec().max_entries || cpu >= cpus_) return nullptr;
  return value_at(index, cpu);
}

int PerCpuArrayMap::check_update(uint32_t index, uint64_t flags) const {
  if (flags > abi::BPF_EXIST) return -EINVAL;
  if (index >= spec().max_entries) return -E2BIG;
  return flags == abi::BPF_NOEXIST ? -EEXIST : 0;
}

int PerCpuArrayMap::update(const void* key, const void* value, uint64_t flags, uint32_t cpu) noexcept {
  const uint32_t index = index_of(key);
  if (const int error = check_update(index, flags & ~abi::BPF_F_LOCK)) return error;
  if (flags & abi::BPF_F_LOCK) return -EINVAL;
  layout_.copy_in(value_at(index, cpu), value);
  return 0;
}

int64_t PerCpuArrayMap::for_each(const std::function<uint64_t(const void*, void*)>& visit, uint32_t cpu) {
  for (uint32_t index = 0; index < spec().max_entries; ++index) {
    const uint32_t key = index;
    if (visit(&key, value_at(index, cpu)) != 0) return index + 1;
  }
  return spec().max_entries;
}

int PerCpuArrayMap::sys_lookup(std::span<const std::byte> key, std::span<std::byte> value, uint64_t) {
  const uint32_t index = index_of(key.data());
  if (index >= spec().max_entries) return -ENOENT;
  for (uint32_t cpu = 0; cpu < cpus_; ++cpu)
    layout_.copy_out_slot(value.data() + uint64_t{cpu} * stride_, value_at(index, cpu));
  return 0;
}

int PerCpuArrayMap::sys_update(std::span<const std::byte> key, std::span<const std::byte> value,
                               uint64_t flags) {
  const uint32_t index = index_of(key.data());
  if (const int error = check_update(index, flags)) return error;
  for (uint32_t cpu = 0; cpu < cpus_; ++cpu)
    layout_.copy_in_slot(value_at(index, cpu), value.data() + uint64_t{cpu} * stride_);
  return 0;
}

int PerCpuArrayMap::sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  return next_index(spec().max_entries, key, next);
}

uint64_t PerCpuArrayMap::memory_usage() const {
  return kArrayOverhead + uint64_t{spec().max_entries} * sizeof(void*) +
         uint64_t{spec().max_entries} * stride_ * cpus_;
}

}  // namespace skep::maps
