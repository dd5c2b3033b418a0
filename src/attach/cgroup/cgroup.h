// Cgroup: one node of the virtual control group hierarchy, with the programs attached to it.
//
// Each slot (row of attach_types.def with cgroup_slot >= 0) has an *effective* array: what runs for a task in
// this cgroup, in order. It is computed on attach and detach, swapped atomically and read without a lock
// inside an RCU read section. The hierarchy lock serialises all changes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/ref.h"
#include "base/result.h"
#include "objects/program.h"
#include "progtypes/prog_type.h"

namespace skep::objects {
class Link;
}

namespace skep::attach {

class Hierarchy;
class CgroupLink;

// One entry of an effective array; plain pointers: the owning attachment outlives the read section.
struct EffectiveProgram {
  const objects::Program* program = nullptr;
};

struct EffectiveArray {
  std::vector<EffectiveProgram> programs;
};

// One attachment in a cgroup, by PROG_ATTACH (link null) or by a link (link set, not owned).
struct CgroupAttachment {
  Ref<objects::Program> program;
  CgroupLink* link = nullptr;
  bool preorder = false;  // BPF_F_PREORDER
};

class Cgroup : public RefCounted {
 public:
  uint64_t id() const { return id_; }
  const std::string& name() const { return name_; }  // last path component, "" for the root
  std::string path() const;                          // "/web/api", "/" for the root
  const Ref<Cgroup>& parent() const { return parent_; }
  int level() const { return level_; }  // 0 for the root
  bool online() const { return online_.load(std::memory_order_acquire); }

  // Inside an RCU read section. Null when nothing is attached.
  const EffectiveArray* effective(int slot) const {
    return slots_[slot].effective.load(std::memory_order_acquire);
  }
  bool has_programs(int slot) const { return effective(slot) != nullptr; }

 private:
  friend class Hierarchy;
  Cgroup(Ref<Cgroup> parent, std::string name, uint64_t id);
  ~Cgroup() override;

  struct Slot {
    std::vector<CgroupAttachment> attachments;
    uint32_t flags = 0;  // BPF_F_ALLOW_OVERRIDE or BPF_F_ALLOW_MULTI of what is attached here
    uint64_t revision = 1;
    std::atomic<const EffectiveArray*> effective{nullptr};
  };

  uint64_t id_;
  std::string name_;
  Ref<Cgroup> parent_;
  int level_ = 0;
  std::atomic<bool> online_{true};
  std::vector<Cgroup*> children_;
  Slot slots_[progtypes::kMaxCgroupSlots];
};

// The tree. Thread-safe.
class Hierarchy {
 public:
  Hierarchy();
  ~Hierarchy();

  const Ref<Cgroup>& root() const { return root_; }
  Result<Ref<Cgroup>> find(const std::string& path) const;  // ENOENT
  // `id` 0: chosen here; otherwise the inode number of the directory that stands for it.
  Result<Ref<Cgroup>> create(const std::string& path, uint64_t id = 0);  // ENOENT, EEXIST
  // Removing detaches what is attached; links stay as objects without a cgroup, as on Linux.
  Status remove(const std::string& path);  // EBUSY: tasks or children
  Ref<Cgroup> by_id(uint64_t id) const;    // null when gone

  // Membership: processes (tgid). Who inherits by fork is the host's to know: it calls move() and forget().
  Status move(uint32_t tgid, const Ref<Cgroup>& to);  // ENODEV: it was removed
  Ref<Cgroup> of(uint32_t tgid) const;                // the root for unknown processes
  void forget(uint32_t tgid);
  std::vector<uint32_t> members(const Cgroup& cgroup) const;
  bool populated(const Cgroup& cgroup) const;  // processes in it or below it

  // Linux's cgroup_bpf_attach / detach / replace / query. An anchor is the attachment that BPF_F_BEFORE or
  // BPF_F_AFTER refer to: named by fd or id, a program or (BPF_F_LINK) a link. What naming it failed with is
  // kept in anchor_error, since it counts only after other checks.
  struct AttachRequest {
    Ref<objects::Program> program;  // null when a link is given
    CgroupLink* link = nullptr;
    Ref<objects::Program> replace;
    uint32_t anchor_fd_or_id = 0;
    Ref<objects::Program> anchor_program;
    Ref<objects::Link> anchor_link;
    int anchor_error = 0;
    const progtypes::AttachTypeRow* type = nullptr;
    uint32_t flags = 0;
    uint64_t expected_revision = 0;
  };
  Status attach(Cgroup& cgroup,
                const AttachRequest& request);  // EPERM, EINVAL, EEXIST, E2BIG, ENOENT, ESTALE
  Status detach(Cgroup& cgroup, const progtypes::AttachTypeRow& type, const objects::Program* program,
                const CgroupLink* link, uint64_t expected_revision = 0);  // ENOENT, EINVAL, ESTALE
  // ENOLINK: the link's cgroup is gone. EPERM: its program is not `expected` (null: any).
  Status replace_link_program(CgroupLink& link, Ref<objects::Program> program,
                              const Ref<objects::Program>& expected);
  Status detach_link(CgroupLink& link);
  uint64_t cgroup_id_of(const CgroupLink& link) const;  // 0 once detached
  struct QueryResult {
    uint32_t attach_flags = 0;
    uint64_t revision = 0;
    std::vector<uint32_t> program_ids, program_flags;
  };
  QueryResult query(const Cgroup& cgroup, const progtypes::AttachTypeRow& type, bool effective) const;

  // True when any cgroup has a program in the slot: a cheap test before a hook collects its arguments.
  bool any(int slot) const { return attached_[slot].load(std::memory_order_relaxed) != 0; }

 private:
  friend class CgroupLink;
  struct State;

  // What a change leaves behind for readers that may still use it: dropped after a grace period.
  struct Garbage;

  Status attach_locked(Cgroup& cgroup, const AttachRequest& request, Garbage& garbage);
  Status detach_locked(Cgroup& cgroup, int slot, const objects::Program* program, const CgroupLink* link,
                       uint64_t expected_revision, Garbage& garbage);
  void recompute(Cgroup& cgroup, int slot, Garbage& garbage);

  Ref<Cgroup> root_;
  std::atomic<uint32_t> attached_[progtypes::kMaxCgroupSlots] = {};
  std::unique_ptr<State> state_;
};

}  // namespace skep::attach
