#include "maps/visible_memory.h"

#include <cstring>
#include <map>
#include <mutex>
#include <shared_mutex>

namespace skep::maps::visible_memory {
namespace {

struct Registry {
  std::shared_mutex mutex;
  std::map<uint64_t, uint64_t> sizes;  // by first address
};

// Never destroyed: maps may outlive static objects.
Registry& registry() {
  static Registry& instance = *new Registry;
  return instance;
}

}  // namespace

void add(const std::byte* begin, uint64_t size) {
  std::unique_lock lock(registry().mutex);
  registry().sizes[reinterpret_cast<uint64_t>(begin)] = size;
}

void remove(const std::byte* begin) {
  std::unique_lock lock(registry().mutex);
  registry().sizes.erase(reinterpret_cast<uint64_t>(begin));
}

bool read(uint64_t address, std::span<std::byte> out) {
  std::shared_lock lock(registry().mutex);
  auto after = registry().sizes.upper_bound(address);
  if (after == registry().sizes.begin()) return false;
  const auto& [begin, size] = *--after;
  const uint64_t offset = address - begin;
  if (offset >= size || out.size() > size - offset) return false;
  memcpy(out.data(), reinterpret_cast<const void*>(address), out.size());
  return true;
}

}  // namespace skep::maps::visible_memory
