// HashMap: hash and percpu_hash. Readers take no lock; writers lock one bucket.
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

namespace skep::maps {

class HashMap final : public Map {
 public:
  HashMap(const MapSpec& spec, const MapTypeRow& row, Memory buckets, uint32_t bucket_count);
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

 private:
  struct Element;
  struct Bucket;
  class BucketLock;
  class Chain;

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
  void write_key(Element* element, const void* key, uint32_t hash) const;
  void write_value(Element* element, const NewValue& value, bool fresh) const;
  int remove(const void* key, std::byte* value_out) noexcept;
  void copy_value_out(const Element* element, std::byte* out) const;

  bool count_up();
  Element* allocate();
  void release(Element* element);
  uint64_t element_size() const;

  const uint32_t key_stride_;    // key size rounded up to 8
  const uint32_t value_stride_;  // value size rounded up to 8
  const uint32_t cpus_;          // values in an element: 1, or one for each CPU
  const uint32_t bucket_mask_;
  const uint32_t seed_;
  Memory buckets_;
  std::atomic<uint32_t> count_{0};

  std::atomic<bool> free_locked_{false};
  Element* free_ = nullptr;     // under free_locked_, through Element::next_free
  std::vector<Memory> chunks_;  // under free_locked_
  std::byte* fresh_ = nullptr;  // never used yet: [fresh_, fresh_end_)
  std::byte* fresh_end_ = nullptr;
};

}  // namespace skep::maps
