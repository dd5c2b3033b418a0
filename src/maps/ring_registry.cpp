#include "maps/ring_registry.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "base/rcu.h"

namespace skep::maps {
namespace {

struct Entry {
  const std::byte* begin;
  const std::byte* end;
  RingBufMap* ring;
};
using Entries = std::vector<Entry>;  // sorted by begin

// Readers see one immutable list; a change publishes a new one and drops the old after a grace period.
std::atomic<const Entries*> published{nullptr};
std::mutex change_mutex;

template <class Change>
void replace(Change change) {
  std::lock_guard lock(change_mutex);
  const Entries* old = published.load(std::memory_order_relaxed);
  auto* fresh = old != nullptr ? new Entries(*old) : new Entries;
  change(*fresh);
  published.store(fresh, std::memory_order_release);
  if (old != nullptr) rcu_defer([old] { delete old; });
}

}  // namespace

void register_ring(RingBufMap* ring, const std::byte* begin, const std::byte* end) {
  replace([&](Entries& entries) {
    const auto at = std::ranges::upper_bound(entries, begin, {}, &Entry::begin);
    entries.insert(at, {begin, end, ring});
  });
}

void unregister_ring(const std::byte* begin) {
  replace(
      [&](Entries& entries) { std::erase_if(entries, [&](const Entry& e) { return e.begin == begin; }); });
}

RingBufMap* ring_of(const void* address) noexcept {
  const Entries* entries = published.load(std::memory_order_acquire);
  if (entries == nullptr) return nullptr;
  const auto* byte = static_cast<const std::byte*>(address);
  auto after = std::ranges::upper_bound(*entries, byte, {}, &Entry::begin);
  if (after == entries->begin() || byte >= std::prev(after)->end) return nullptr;
  return std::prev(after)->ring;
}

}  // namespace skep::maps
