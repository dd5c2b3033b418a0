// EmptyMap: map types that can be created but never hold anything here, since what they would hold (sockets,
// devices, kernel threads, stacks, storage of kernel objects) does not exist or is not built.
//
// To clients such a map answers as Linux does for a map in which nothing is, and for objects that do not
// exist. Each type says its answers in one constant beside its rules of creation.
#pragma once

#include "maps/map.h"

namespace skep::maps {

struct EmptyAnswers {
  static constexpr int kWalk = 1;

  bool indexed = false;     // keys are indexes below max_entries
  bool rounded_up = false;  // below the next power of two of it
  int lookup = -ENOENT;
  int erase = -EINVAL;         // of a key in range
  int erase_beyond = -EINVAL;  // indexed types: of an index out of range
  int next = -ENOENT;          // kWalk: all indexes follow each other
  // What an update answers; it must not read more than the map's value size. Null: EINVAL.
  int (*update)(const Map& map, const void* key, const void* value, uint64_t flags) = nullptr;
  uint64_t (*memory)(const MapSpec& spec) = nullptr;  // fdinfo's memlock
};

class EmptyMap final : public Map {
 public:
  EmptyMap(const MapSpec& spec, const MapTypeRow& row, const EmptyAnswers& answers)
      : Map(spec, row), answers_(answers) {}

  int update(const void* key, const void* value, uint64_t flags, uint32_t cpu) noexcept override;
  int erase(const void* key) noexcept override;
  // What update() answers before it comes to the object: EOPNOTSUPP says that it came so far.
  int sys_check_object(std::span<const std::byte> key, uint64_t flags) override;
  int sys_lookup(std::span<const std::byte>, std::span<std::byte>, uint64_t) override {
    return answers_.lookup;
  }
  int sys_lookup_and_delete(std::span<const std::byte>, std::span<std::byte>, uint64_t) override;
  int sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  uint64_t memory_usage() const override { return answers_.memory != nullptr ? answers_.memory(spec()) : 0; }

 private:
  bool in_range(const void* key) const;

  const EmptyAnswers& answers_;  // a constant of the type
};

}  // namespace skep::maps
