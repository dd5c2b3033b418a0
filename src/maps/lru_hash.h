// LruHashMap: lru_hash and lru_percpu_hash: an update of a full map evicts instead of failing.
//
// The order is approximate, as on Linux: elements stand in a circle, a hand goes round, and what was not used
// (found by a program, written again by anybody) since the hand last passed goes first. bpf(2) lookups do not
// count as use. Linux keeps lists instead; which of the old elements goes is not part of the interface. One
// circle serves all CPUs, with BPF_F_NO_COMMON_LRU too.
#pragma once

#include "maps/hash.h"

namespace skep::maps {

class LruHashMap final : public HashMap {
 public:
  LruHashMap(const MapSpec& spec, const MapTypeRow& row, Memory buckets)
      : HashMap(spec, row, std::move(buckets), true) {}

 private:
  bool make_room() noexcept override;
};

}  // namespace skep::maps
