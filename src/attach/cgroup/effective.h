// What runs in a cgroup: Linux's rules of inheritance and order, as pure functions over the attachments.
#pragma once

#include "attach/cgroup/cgroup.h"

namespace skep::attach {

// One level of the path from a cgroup to the root.
struct Level {
  const std::vector<CgroupAttachment>* attachments;
  uint32_t flags;
};

// hierarchy_allows_attach: `ancestors` from the parent to the root.
bool hierarchy_allows(const std::vector<Level>& ancestors);

// compute_effective_progs: `levels` from the cgroup itself to the root. Programs of the cgroup run before
// those of its ancestors, but for those attached with BPF_F_PREORDER, where ancestors come first.
std::vector<EffectiveProgram> compute_effective(const std::vector<Level>& levels);

}  // namespace skep::attach
