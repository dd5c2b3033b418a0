#include "objects/map_state.h"

#include "base/check.h"
#include "maps/prog_array.h"
#include "objects/kernel.h"

namespace skep::maps {

// The door that Map opens for this layer.
class MapIdAccess {
 public:
  static void set(Map& map, uint32_t id, std::shared_ptr<void> state) {
    map.id_ = id;
    map.object_state_ = std::move(state);
  }
  static void* state(Map& map) { return map.object_state_.get(); }
};

}  // namespace skep::maps

namespace skep::objects {

void Kernel::publish(maps::Map& map) {
  auto state = std::make_shared<MapState>();
  auto entry = maps_.add(&map);
  state->lease = std::move(entry.lease);
  maps::MapIdAccess::set(map, entry.id, std::move(state));
}

MapState& state_of(maps::Map& map) {
  void* const state = maps::MapIdAccess::state(map);
  SKEP_CHECK(state != nullptr);
  return *static_cast<MapState*>(state);
}

Status claim_tail_calls(maps::Map& prog_array, const Program& program) {
  auto* slots = dynamic_cast<maps::ProgArrayMap*>(&prog_array);
  if (slots == nullptr) return fail(EINVAL);
  const uint32_t flags = program.spec().flags;
  const maps::TailOwner candidate{.prog_type = program.type(),
                                  .expected_attach_type = program.spec().expected_attach_type,
                                  .jited = program.jited(),
                                  .xdp_has_frags = (flags & abi::BPF_F_XDP_HAS_FRAGS) != 0,
                                  .sleepable = (flags & abi::BPF_F_SLEEPABLE) != 0};
  return slots->admit(candidate) ? Status{} : Status(fail(EINVAL));
}

WriteSection::WriteSection(maps::Map& map) : map_(map) {
  MapState& state = state_of(map_);
  std::lock_guard lock(state.mutex);
  ++state.writers;
}

WriteSection::~WriteSection() {
  MapState& state = state_of(map_);
  std::lock_guard lock(state.mutex);
  --state.writers;
}

Status freeze(maps::Map& map) {
  MapState& state = state_of(map);
  std::lock_guard lock(state.mutex);
  if (state.writers != 0) return fail(EBUSY);
  return map.freeze();
}

UserReference::UserReference(Object object) : object_(std::move(object)) {
  const auto* map = std::get_if<Ref<maps::Map>>(&object_);
  if (map == nullptr || !*map) return;
  MapState& state = state_of(**map);
  std::lock_guard lock(state.mutex);
  ++state.user_references;
}

UserReference::~UserReference() {
  const auto* map = std::get_if<Ref<maps::Map>>(&object_);
  if (map == nullptr || !*map) return;
  bool last;
  {
    MapState& state = state_of(**map);
    std::lock_guard lock(state.mutex);
    last = --state.user_references == 0;
  }
  if (last) (*map)->user_references_gone();
}

}  // namespace skep::objects
