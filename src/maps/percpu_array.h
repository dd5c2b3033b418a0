// PerCpuArrayMap: an array with one value for each virtual CPU.
//
// All values of one CPU stand together, so a run touches no line that another CPU writes:
// value(index, cpu) = base() + cpu * cpu_stride() + index * stride().
#pragma once

#include "maps/map.h"
#include "maps/memory.h"
#include "maps/value_layout.h"

namespace skep::maps {

class PerCpuArrayMap final : public Map {
 public:
  PerCpuArrayMap(const MapSpec& spec, const MapTypeRow& row, Memory memory, uint64_t cpu_stride);

  void* lookup(const void* key, uint32_t cpu) noexcept override { return lookup_percpu(key, cpu); }
  void* lookup_percpu(const void* key, uint32_t cpu) noexcept override;
  int update(const void* key, const void* value, uint64_t flags, uint32_t cpu) noexcept override;
  int64_t for_each(const std::function<uint64_t(const void*, void*)>& visit, uint32_t cpu) override;
  int sys_lookup(std::span<const std::byte> key, std::span<std::byte> value, uint64_t flags) override;
  int sys_update(std::span<const std::byte> key, std::span<const std::byte> value, uint64_t flags) override;
  int sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  uint64_t memory_usage() const override;

  std::byte* base() const { return memory_.data(); }
  uint32_t stride() const { return stride_; }
  uint64_t cpu_stride() const { return cpu_stride_; }

 private:
  std::byte* value_at(uint32_t index, uint32_t cpu) const {
    return base() + cpu * cpu_stride_ + uint64_t{index} * stride_;
  }
  // 0, or what an update with these flags of that index answers.
  int check_update(uint32_t index, uint64_t flags) const;

  const uint32_t stride_;
  const uint64_t cpu_stride_;
  const uint32_t cpus_;
  const ValueLayout layout_;
  Memory memory_;
};

}  // namespace skep::maps
