// MapState: what the objects layer keeps with each map: its place in the id table, how many fds and pins name
// it, how many bpf(2) writes are under way, and for a prog_array which kind of program its slots may hold.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "base/result.h"
#include "maps/map.h"
#include "objects/id_table.h"
#include "objects/object.h"

namespace skep::objects {

// Programs of one prog_array must agree in these (Linux's bpf_prog_map_compatible).
struct TailOwner {
  uint32_t prog_type = 0;
  uint32_t expected_attach_type = 0;
  bool jited = false;
  bool xdp_has_frags = false;
  friend bool operator==(const TailOwner&, const TailOwner&) = default;
};

struct MapState {
  IdLease lease;
  std::mutex mutex;
  uint32_t user_references = 0;   // fds and pins; a prog_array empties itself when the last one goes
  uint32_t writers = 0;           // bpf(2) updates under way; freeze answers EBUSY while there are any
  std::optional<TailOwner> tail_owner;
};

// The state of a map that Kernel::publish has seen.
MapState& state_of(maps::Map& map);

// EINVAL unless `program` may sit in (or call through) the prog_array; the first one decides.
Status claim_tail_calls(maps::Map& prog_array, const Program& program);

// One bpf(2) write to a map: freezing has to wait for it. `allowed` is false for a frozen map (EPERM).
class WriteSection {
 public:
  explicit WriteSection(maps::Map& map);
  ~WriteSection();
  WriteSection(const WriteSection&) = delete;
  WriteSection& operator=(const WriteSection&) = delete;

 private:
  maps::Map& map_;
};

// MAP_FREEZE: EBUSY while a write is under way or when frozen already.
Status freeze(maps::Map& map);

// What an fd or a pin holds: a reference that counts as a user's.
class UserReference {
 public:
  UserReference() = default;
  explicit UserReference(Object object);
  UserReference(const UserReference& other) : UserReference(other.object_) {}
  UserReference(UserReference&& other) noexcept : object_(std::exchange(other.object_, {})) {}
  UserReference& operator=(UserReference other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~UserReference();

  const Object& object() const { return object_; }

 private:
  Object object_;
};

}  // namespace skep::objects
