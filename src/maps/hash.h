// HashMap: hash and percpu_hash, and what lru_hash.h builds on. Readers take no lock; writers lock one
// bucket.
//
// Invariants
//  1. A chain hangs off a bucket; elements are added at its head and ends in the bucket's own marker. An
//     element keeps its link when it is removed, so a reader on it goes on.
//  2. A removed element may be used again at once, as on Linux: a reader that gets into another chain that
//  way
//     sees the wrong end marker and starts again; one that misses while its own chain changed starts again
//     too (Linux does not, and can miss a key that is being replaced). A program that still holds the value
//     of a deleted element thus holds memory of this map, valid for the map's life, with contents of whoever
//     uses it now.
//  3. `count_` is the number of elements in chains, exactly, and never passes max_entries.
//  4. Keys and values are written and read as relaxed atomic words (words.h); a new element's link is
//     published with release, so its contents come with it.
//
// Element memory comes in chunks when first needed, whether or not BPF_F_NO_PREALLOC is given, and goes back
// to the free list; what Linux would preallocate is only checked against this machine's memory.
#pragma once

#include <vector>

#include "maps/map.h"
#include "maps/memory.h"
#include "maps/value_layout.h"

namespace skep::maps {

class HashMap : public Map {
 public:
  // `tracks_use`: the map evicts elements that were not used for long, see make_room().
  HashMap(const MapSpec& spec, const MapTypeRow& row, Memory buckets, bool tracks_use);
  ~HashMap() override;

  void* lookup(const void* key, uint32_t cpu) noexcept override { return lookup_percpu(key, cpu); }
  void* lookup_percpu(const void* key, uint32_t cpu) noexcept override;
  int update(const void* key, const void* value, uint64_t flags, uint32_t cpu) noexcept override;
  int erase(const void* key) noexcept override;
  int64_t for_each(const std::function<uint64_t(const void*, void*)>& visit, uint32_t cpu) override;
  int sys_lookup(std::span<const std::byte> key, std::span<std::byte> value, uint64_t flags) override;
  int sys_update(std::span<const std::byte> key, std::span<const std::byte> value, uint64_t flags) override;
  int sys_lookup_and_delete(std::span<const std::byte> key, std::span<std::byte> value,
                            uint64_t flags) override;
  int sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  uint64_t memory_usage() const override;

 protected:
  struct Element;

  // An update found the map full and holds no lock. True: something was evicted; false: the update fails.
  virtual bool make_room() noexcept { return false; }
  // Goes once round all elements that were ever used, from where the last call ended, at most `most` of them,
  // and gives the first that is in the map and was not used since it was last passed by. `seen` counts them.
  Element* next_unused(uint32_t most, uint32_t* seen) noexcept;
  // Removes that element, unless somebody else did.
  bool evict(Element* element) noexcept;
  uint32_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  struct Bucket;

  Bucket& bucket_of(uint32_t hash) const;
  uint32_t hash_of(const void* key) const;
  std::byte* key_of(const Element* element) const;
  std::byte* value_of(const Element* element, uint32_t cpu) const;
  bool same_key(const Element* element, const void* key) const;
  Element* find(const void* key, uint32_t hash) const;
  // The link that points to the element of that key, or null. Under the bucket's lock.
  std::atomic<uintptr_t>* find_link(Bucket& bucket, const void* key, uint32_t hash) const;
  // Copies out the first key at or after `bucket`.
  int first_key_from(uint32_t bucket, std::span<std::byte> next) const;

  // What an update writes: one CPU's value, or all of them.
  struct NewValue;
  int put(const void* key, const NewValue& value, uint64_t flags) noexcept;
  // 0, an errno, or kFull: no element was free.
  int try_put(const void* key, uint32_t hash, const NewValue& value, uint64_t flags) noexcept;
  void unlink(Bucket& bucket, std::atomic<uintptr_t>* link, Element* element) noexcept;
  void write_key(Element* element, const void* key, uint32_t hash) const;
  void write_value(Element* element, const NewValue& value, bool fresh) const;
  int remove(const void* key, std::byte* value_out, uint64_t flags) noexcept;
  void copy_value_out(const Element* element, std::byte* out, uint64_t flags) const;

  bool count_up();
  Element* allocate();
  void release(Element* element);
  uint64_t element_size() const;

  const uint32_t key_stride_;    // key size rounded up to 8
  const uint32_t value_stride_;  // value size rounded up to 8
  const uint32_t cpus_;          // values in an element: 1, or one for each CPU
  const uint32_t bucket_mask_;
  const uint32_t seed_;
  const bool tracks_use_;  // for eviction
  const ValueLayout layout_;
  Memory buckets_;
  std::atomic<uint32_t> count_{0};

  struct Chunk {
    Memory memory;
    uint32_t used = 0;      // its elements up to there exist
    uint32_t capacity = 0;  // and so many fit in
  };
  // All under free_locked_.
  std::atomic<bool> free_locked_{false};
  Element* free_ = nullptr;  // through Element::next_free
  std::vector<Chunk> chunks_;
  size_t hand_chunk_ = 0;  // where next_unused goes on
  uint32_t hand_ = 0;
};

// The buckets of a map of that size. E2BIG, ENOMEM.
Result<Memory> hash_buckets(const MapSpec& spec, const MapTypeRow& row);

}  // namespace skep::maps
