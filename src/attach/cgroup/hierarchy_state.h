// The private parts of Hierarchy, shared by hierarchy.cpp and attach.cpp.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "attach/cgroup/cgroup.h"

namespace skep::attach {

struct Hierarchy::State {
  mutable std::mutex mutex;
  std::map<uint64_t, Ref<Cgroup>> by_id;      // owns every cgroup that is online
  std::map<uint32_t, Ref<Cgroup>> member_of;  // by tgid; who is missing is in the root
  uint64_t next_id = 2;

  static Cgroup* child(const Cgroup& parent, std::string_view name);
  static Cgroup* walk(Cgroup& root, std::string_view path);  // null when some part is missing
};

// Declared before the lock is taken, so that it waits for readers after the lock is gone.
struct Hierarchy::Garbage {
  std::vector<std::unique_ptr<const EffectiveArray>> arrays;
  std::vector<Ref<objects::Program>> programs;
  Ref<Cgroup> cgroup;

  ~Garbage();
};

}  // namespace skep::attach
