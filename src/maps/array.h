// ArrayMap: max_entries values of value_size bytes, zero at first, each at a fixed address for the map's
// life.
//
// Elements stand value_size rounded up to 8 apart. With BPF_F_MMAPABLE they stand at the start of a memfd
// that clients map too; a client can then change any value at any time, so the map holds nothing but plain
// bytes.
//
// Freezing: a map with BPF_F_RDONLY_PROG refuses writable mappings from its birth (as Linux does), so a
// frozen one is a constant without any look at clients. For other mappable maps the freeze is only a promise
// to clients: their writable mappings are looked for (client_mappings.h), and EBUSY answers if there are any.
#pragma once

#include "maps/map.h"
#include "maps/memory.h"
#include "maps/value_layout.h"

namespace skep::maps {

class ArrayMap final : public Map {
 public:
  ArrayMap(const MapSpec& spec, const MapTypeRow& row, Memory memory);

  void* lookup(const void* key, uint32_t cpu) noexcept override;
  int update(const void* key, const void* value, uint64_t flags, uint32_t cpu) noexcept override;
  int64_t for_each(const std::function<uint64_t(const void*, void*)>& visit, uint32_t cpu) override;
  int sys_lookup(std::span<const std::byte> key, std::span<std::byte> value, uint64_t flags) override;
  int sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  Result<Mapping> mapping() override;
  Result<uint64_t> direct_value_address(uint32_t offset) override;
  uint64_t memory_usage() const override;

  // For inlined lookups: element `index` lies at base() + index * stride().
  std::byte* base() const { return memory_.data(); }
  uint32_t stride() const { return stride_; }

 private:
  Status prepare_freeze() override;

  const uint32_t stride_;
  const ValueLayout layout_;
  Memory memory_;
};

}  // namespace skep::maps
