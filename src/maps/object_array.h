// ObjectArrayMap: an array whose slots hold objects that clients name by fd: array_of_maps, perf_event_array,
// cgroup_array (a prog_array has rules of its own, see prog_array.h).
//
// Programs read a slot without a lock inside their RCU read section; what leaves a slot is therefore let go
// after a grace period.
#pragma once

#include "maps/map.h"
#include "maps/memory.h"

namespace skep::maps {

class ObjectArrayMap : public Map {
 public:
  ObjectArrayMap(const MapSpec& spec, const MapTypeRow& row, Memory slots);
  ~ObjectArrayMap() override;

  int erase(const void* key) noexcept override;
  int sys_lookup(std::span<const std::byte>, std::span<std::byte>, uint64_t) override { return -kENotSupp; }
  int sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  int sys_check_object(std::span<const std::byte> key, uint64_t flags) override;
  int sys_set_object(std::span<const std::byte> key, Ref<RefCounted> object, uint64_t flags) override;
  uint64_t memory_usage() const override;

  // Inside an RCU read section; null for an empty slot and beyond the end.
  RefCounted* object_at(uint32_t index) const noexcept;

 protected:
  void clear();

 private:
  std::atomic<RefCounted*>* slot(uint32_t index) const noexcept;
  bool exchange(uint32_t index, RefCounted* object);  // true when something was there

  Memory slots_;
};

// Linux: fd_array_map_alloc_check.
Status check_object_array(const MapSpec& spec);
Result<Memory> object_slots(const MapSpec& spec);

}  // namespace skep::maps
