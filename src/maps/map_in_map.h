// Map-in-map: array_of_maps and hash_of_maps, whose values are maps of one shape.
//
// The map that MAP_CREATE names gives the shape (inner_meta()); it is not kept. A program's lookup gives the
// handle of the inner map, which lives until the read section ends whatever clients do to the slot. bpf(2)
// puts in fds and sees ids.
#pragma once

#include <mutex>

#include "maps/hash.h"
#include "maps/object_array.h"

namespace skep::maps {

// The shape of the inner maps: a map without elements.
class InnerMeta final : public Map {
 public:
  InnerMeta(const MapSpec& spec, const MapTypeRow& row) : Map(spec, row) {}
  uint64_t memory_usage() const override { return 0; }
  // Whether a map may be an element (Linux: map_meta_equal of each type).
  bool fits(const Map& map) const;
};

class ArrayOfMaps final : public ObjectArrayMap {
 public:
  ArrayOfMaps(const MapSpec& spec, const MapTypeRow& row, Memory slots, Ref<InnerMeta> meta);

  void* lookup(const void* key, uint32_t cpu) noexcept override;
  int sys_lookup(std::span<const std::byte> key, std::span<std::byte> value, uint64_t flags) override;
  int sys_set_object(std::span<const std::byte> key, Ref<RefCounted> object, uint64_t flags) override;
  uint32_t sys_object_id(std::span<const std::byte> key) override;
  const Map* inner_meta() const override { return meta_.get(); }

 private:
  const Ref<InnerMeta> meta_;
};

class HashOfMaps final : public Map {
 public:
  HashOfMaps(const MapSpec& spec, const MapTypeRow& row, Ref<HashMap> store, Ref<InnerMeta> meta);
  ~HashOfMaps() override;

  void* lookup(const void* key, uint32_t cpu) noexcept override;
  int erase(const void* key) noexcept override;
  int sys_lookup(std::span<const std::byte> key, std::span<std::byte> value, uint64_t flags) override;
  int sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  int sys_check_object(std::span<const std::byte>, uint64_t) override { return 0; }
  int sys_set_object(std::span<const std::byte> key, Ref<RefCounted> object, uint64_t flags) override;
  uint32_t sys_object_id(std::span<const std::byte> key) override;
  const Map* inner_meta() const override { return meta_.get(); }
  uint64_t memory_usage() const override;

 private:
  Map* inner_at(const void* key) const noexcept;  // inside an RCU read section

  // Values are addresses of maps, each with a count that this map holds.
  const Ref<HashMap> store_;
  const Ref<InnerMeta> meta_;
  std::mutex writing_;  // a value and its count change together
};

}  // namespace skep::maps
