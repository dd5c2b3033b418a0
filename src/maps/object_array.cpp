#include "maps/object_array.h"

#include "abi/bpf.h"
#include "base/rcu.h"
#include "maps/factories.h"
#include "maps/rules.h"

namespace skep::maps {

Status check_object_array(const MapSpec& spec) {
  if (spec.value_size != sizeof(uint32_t)) return fail(EINVAL);
  if (spec.flags & (abi::BPF_F_RDONLY_PROG | abi::BPF_F_WRONLY_PROG)) return fail(EINVAL);
  return check_array(spec);
}

Result<Memory> object_slots(const MapSpec& spec) {
  return Memory::anonymous(uint64_t{spec.max_entries} * sizeof(std::atomic<RefCounted*>));
}

ObjectArrayMap::ObjectArrayMap(const MapSpec& spec, const MapTypeRow& row, Memory slots)
    : Map(spec, row), slots_(std::move(slots)) {}

ObjectArrayMap::~ObjectArrayMap() { clear(); }

void ObjectArrayMap::clear() {
  for (uint32_t index = 0; index < spec().max_entries; ++index)
    if (slot(index)->load(std::memory_order_relaxed) != nullptr) exchange(index, nullptr);
}

std::atomic<RefCounted*>* ObjectArrayMap::slot(uint32_t index) const noexcept {
  return reinterpret_cast<std::atomic<RefCounted*>*>(slots_.data()) + index;
}

RefCounted* ObjectArrayMap::object_at(uint32_t index) const noexcept {
  return index < spec().max_entries ? slot(index)->load(std::memory_order_acquire) : nullptr;
}

bool ObjectArrayMap::exchange(uint32_t index, RefCounted* object) {
  RefCounted* const old = slot(index)->exchange(object, std::memory_order_acq_rel);
  if (old == nullptr) return false;
  rcu_defer([old] { old->ref_put(); });
  return true;
}

int ObjectArrayMap::erase(const void* key) noexcept {
  const uint32_t index = index_of(key);
  if (index >= spec().max_entries) return -E2BIG;
  return exchange(index, nullptr) ? 0 : -ENOENT;
}

int ObjectArrayMap::sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  return next_index(spec().max_entries, key, next);
}

int ObjectArrayMap::sys_check_object(std::span<const std::byte> key, uint64_t flags) {
  if (flags != abi::BPF_ANY) return -EINVAL;
  return index_of(key.data()) < spec().max_entries ? 0 : -E2BIG;
}

int ObjectArrayMap::sys_set_object(std::span<const std::byte> key, Ref<RefCounted> object, uint64_t flags) {
  if (const int error = sys_check_object(key, flags)) return error;
  exchange(index_of(key.data()), object.release());
  return 0;
}

uint64_t ObjectArrayMap::memory_usage() const {
  return kArrayOverhead + uint64_t{spec().max_entries} * sizeof(void*);
}

}  // namespace skep::maps
