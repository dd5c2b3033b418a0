#include "attach/cgroup/effective.h"

#include "abi/bpf.h"

namespace skep::attach {

bool hierarchy_allows(const std::vector<Level>& ancestors) {
  for (const Level& level : ancestors) {
    if ((level.flags & abi::BPF_F_ALLOW_MULTI) != 0) return true;
    if (!level.attachments->empty()) return (level.flags & abi::BPF_F_ALLOW_OVERRIDE) != 0;
  }
  return true;
}

std::vector<EffectiveProgram> compute_effective(const std::vector<Level>& levels) {
  std::vector<EffectiveProgram> preordered, ordinary;
  for (const Level& level : levels) {
    const bool overridden = !preordered.empty() || !ordinary.empty();
    if (overridden && (level.flags & abi::BPF_F_ALLOW_MULTI) == 0) continue;
    std::vector<EffectiveProgram> before;
    for (const CgroupAttachment& attachment : *level.attachments) {
      const EffectiveProgram entry{attachment.program.get()};
      (attachment.preorder ? before : ordinary).push_back(entry);
    }
    preordered.insert(preordered.begin(), before.begin(), before.end());
  }
  preordered.insert(preordered.end(), ordinary.begin(), ordinary.end());
  return preordered;
}

}  // namespace skep::attach
