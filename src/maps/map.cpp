// Answers of map types that do not say otherwise, and what all of them share.
#include "maps/map.h"

#include <cstring>

#include "abi/bpf.h"
#include "base/rcu.h"
#include "maps/rules.h"
#include "maps/words.h"

namespace skep::maps {

void* Map::lookup(const void*, uint32_t) noexcept { return nullptr; }
int Map::update(const void*, const void*, uint64_t, uint32_t) noexcept { return -EINVAL; }
int Map::erase(const void*) noexcept { return -EINVAL; }
int Map::push(const void*, uint64_t) noexcept { return -EOPNOTSUPP; }
int Map::pop(void*) noexcept { return -EOPNOTSUPP; }
int Map::peek(void*) noexcept { return -EOPNOTSUPP; }
void* Map::lookup_percpu(const void*, uint32_t) noexcept { return nullptr; }

int64_t Map::for_each(const std::function<uint64_t(const void*, void*)>&, uint32_t) { return -EINVAL; }

uint32_t Map::syscall_value_size() const {
  if (row_.per_cpu) return static_cast<uint32_t>(round_up(spec_.value_size, 8)) * possible_cpus();
  return spec_.value_size;
}

int Map::sys_lookup(std::span<const std::byte> key, std::span<std::byte> value, uint64_t) {
  RcuReadSection section;
  const void* found = lookup(key.data(), 0);
  if (found == nullptr) return -ENOENT;
  copy_out(value.data(), found, spec_.value_size);
  return 0;
}

int Map::sys_update(std::span<const std::byte> key, std::span<const std::byte> value, uint64_t flags) {
  RcuReadSection section;
  return update(key.data(), value.data(), flags, 0);
}

int Map::sys_delete(std::span<const std::byte> key) {
  RcuReadSection section;
  return erase(key.data());
}

int Map::sys_lookup_and_delete(std::span<const std::byte>, std::span<std::byte>, uint64_t) {
  return -kENotSupp;
}
int Map::sys_next_key(std::span<const std::byte>, std::span<std::byte>) { return -kENotSupp; }
int Map::sys_check_object(std::span<const std::byte>, uint64_t) { return -EINVAL; }
int Map::sys_set_object(std::span<const std::byte>, Ref<RefCounted>, uint64_t) { return -EINVAL; }
uint32_t Map::sys_object_id(std::span<const std::byte>) { return 0; }

Result<Mapping> Map::mapping() { return fail(kENotSupp); }
Result<uint64_t> Map::direct_value_address(uint32_t) { return fail(EINVAL); }

Status Map::freeze() {
  std::lock_guard lock(freeze_mutex_);
  if (frozen()) return fail(EBUSY);
  SKEP_TRY(prepare_freeze());
  frozen_.store(true, std::memory_order_release);
  return {};
}

bool Map::is_constant() const { return (spec_.flags & abi::BPF_F_RDONLY_PROG) && frozen(); }

int next_index(uint32_t max_entries, std::span<const std::byte> key, std::span<std::byte> next) {
  const uint32_t index = key.empty() ? UINT32_MAX : index_of(key.data());
  if (index < max_entries && index == max_entries - 1) return -ENOENT;
  const uint32_t following = index < max_entries ? index + 1 : 0;
  std::memcpy(next.data(), &following, sizeof following);
  return 0;
}

}  // namespace skep::maps
