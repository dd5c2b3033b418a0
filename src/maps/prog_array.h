// ProgArrayMap: slots of programs for tail calls.
//
// Generated code reads tail_slots() without a lock inside its RCU read section; a target that leaves its slot
// is therefore dropped after a grace period. All programs of one map must be alike: the objects layer
// describes the first and asks admit() for each further one, and for each program that tail-calls through the
// map.
#pragma once

#include <mutex>
#include <optional>

#include "maps/map.h"
#include "maps/memory.h"
#include "maps/tail_target.h"

namespace skep::maps {

// What programs that share a prog_array must have in common (Linux: bpf_map_owner).
struct TailOwner {
  uint32_t prog_type = 0;
  uint32_t expected_attach_type = 0;
  bool jited = false;
  bool xdp_has_frags = false;
  bool sleepable = false;
  friend bool operator==(const TailOwner&, const TailOwner&) = default;
};

class ProgArrayMap final : public Map {
 public:
  ProgArrayMap(const MapSpec& spec, const MapTypeRow& row, Memory memory);
  ~ProgArrayMap() override;

  int erase(const void* key) noexcept override;
  int sys_lookup(std::span<const std::byte> key, std::span<std::byte> value, uint64_t flags) override;
  int sys_next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  int sys_check_object(std::span<const std::byte> key, uint64_t flags) override;
  int sys_set_object(std::span<const std::byte> key, Ref<RefCounted> object, uint64_t flags) override;
  uint32_t sys_object_id(std::span<const std::byte> key) override;
  void user_references_gone() override;
  uint64_t memory_usage() const override;

  const TailSlots* tail_slots() const noexcept override { return &slots_; }

  // True when the map has no owner yet (it takes this one) or an equal one.
  bool admit(const TailOwner& owner);
  std::optional<TailOwner> owner() const;

 private:
  // Empties or fills one slot; true when something was in it.
  bool exchange(uint32_t index, TailTarget* target);

  Memory memory_;
  TailSlots slots_;
  mutable std::mutex owner_mutex_;
  std::optional<TailOwner> owner_;
};

}  // namespace skep::maps
