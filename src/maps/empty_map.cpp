#include "maps/empty_map.h"

#include <bit>

#include "abi/bpf.h"
#include "maps/rules.h"

namespace skep::maps {

bool EmptyMap::in_range(const void* key) const {
  const uint64_t entries = spec().max_entries;
  return !answers_.indexed || index_of(key) < (answers_.rounded_up ? std::bit_ceil(entries) : entries);
}

int EmptyMap::update(const void* key, const void* value, uint64_t flags, uint32_t) noexcept {
  return answers_.update != nullptr ? answers_.update(*this, key, value, flags) : -EINVAL;
}

int EmptyMap::sys_check_object(std::span<const std::byte> key, uint64_t flags) {
  const int error = update(key.data(), nullptr, flags, 0);
  return error == -EOPNOTSUPP ? 0 : error;
}

int EmptyMap::erase(const void* key) noexcept {
  return in_range(key) ? answers_.erase : answers_.erase_beyond;
}

// Linux offers it for stack traces among these types.
int EmptyMap::sys_lookup_and_delete(std::span<const std::byte>, std::span<std::byte>, uint64_t) {
  return spec().type == abi::BPF_MAP_TYPE_STACK_TRACE ? -ENOENT : -kENotSupp;
}

int EmptyMap::sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  return answers_.next == EmptyAnswers::kWalk ? next_index(spec().max_entries, key, next) : answers_.next;
}

}  // namespace skep::maps
