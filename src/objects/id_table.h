// IdTable: ids of one kind of object, handed out in rising order and not reused soon (Linux's cyclic idr).
//
// Thread-safe. The table holds no references: an object carries an IdLease and leaves the table when it is
// destroyed; from the moment its last reference is gone find() no longer answers with it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "base/ref.h"

namespace skep::objects {

// Member of an object that has an id. Destroying it takes the id out of its table, which it keeps alive.
using IdLease = std::shared_ptr<void>;

template <class T>
class IdTable {
 public:
  struct Entry {
    uint32_t id = 0;
    IdLease lease;
  };

  // The object keeps `lease` as a member that is destroyed before its reference count.
  Entry add(T* object) {
    std::lock_guard lock(state_->mutex);
    do {
      state_->last = state_->last == kLastId ? 1 : state_->last + 1;
    } while (state_->objects.contains(state_->last));
    const uint32_t id = state_->last;
    state_->objects.emplace(id, object);
    return {id, IdLease(nullptr, [state = state_, id](void*) {
              std::lock_guard remove_lock(state->mutex);
              state->objects.erase(id);
            })};
  }

  // Null when no live object has the id.
  Ref<T> find(uint32_t id) const {
    std::lock_guard lock(state_->mutex);
    const auto found = state_->objects.find(id);
    if (found == state_->objects.end() || !found->second->ref_get_unless_zero()) return nullptr;
    return Ref<T>::adopt(found->second);
  }

  std::optional<uint32_t> next_after(uint32_t id) const {
    std::lock_guard lock(state_->mutex);
    for (auto next = state_->objects.upper_bound(id); next != state_->objects.end(); ++next)
      if (next->second->ref_count() != 0) return next->first;
    return std::nullopt;
  }

  size_t size() const {
    std::lock_guard lock(state_->mutex);
    return state_->objects.size();
  }

 private:
  static constexpr uint32_t kLastId = 0x7fffffff;

  struct State {
    std::mutex mutex;
    std::map<uint32_t, T*> objects;
    uint32_t last = 0;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace skep::objects
