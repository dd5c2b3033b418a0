// MapState: what the objects layer keeps with each map: its place in the id table, how many fds and pins name
// it, how many bpf(2) writes are under way, and the BTF that describes its elements.
#pragma once

#include <cstdint>
#include <mutex>
#include <utility>

#include "base/result.h"
#include "maps/map.h"
#include "objects/btf_object.h"
#include "objects/id_table.h"
#include "objects/object.h"

namespace skep::objects {

struct MapState {
  IdLease lease;
  std::mutex mutex;
  uint32_t user_references = 0;  // fds and pins; a prog_array empties itself when the last one goes
  uint32_t writers = 0;          // bpf(2) updates under way; freeze answers EBUSY while there are any
  Ref<BtfObject> btf;            // what MAP_CREATE's btf_fd named; null without
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
