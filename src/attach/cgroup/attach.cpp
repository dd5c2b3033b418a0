// Attaching to cgroups: Linux's __cgroup_bpf_attach, __cgroup_bpf_detach, __cgroup_bpf_replace,
// __cgroup_bpf_query, with the order of their checks.
#include <algorithm>

#include "abi/bpf.h"
#include "attach/cgroup/cgroup_link.h"
#include "attach/cgroup/effective.h"
#include "attach/cgroup/hierarchy_state.h"

namespace skep::attach {
namespace {

constexpr size_t kMaxPrograms = 64;
constexpr uint32_t kSlotFlags = abi::BPF_F_ALLOW_OVERRIDE | abi::BPF_F_ALLOW_MULTI;

using Attachments = std::vector<CgroupAttachment>;
using Position = Attachments::iterator;

Status check_flags(const Hierarchy::AttachRequest& request) {
  const uint32_t flags = request.flags;
  const bool multi = (flags & abi::BPF_F_ALLOW_MULTI) != 0;
  const bool replace = (flags & abi::BPF_F_REPLACE) != 0;
  if ((flags & kSlotFlags) == kSlotFlags || (replace && !multi)) return fail(EINVAL);
  if (replace && (flags & (abi::BPF_F_BEFORE | abi::BPF_F_AFTER)) != 0) return fail(EINVAL);
  if (static_cast<bool>(request.replace) != replace) return fail(EINVAL);
  return {};
}

// find_attach_entry: the entry that this request takes over, end() for a new one.
Result<Position> find_entry(Attachments& all, const Hierarchy::AttachRequest& request) {
  if ((request.flags & abi::BPF_F_ALLOW_MULTI) == 0) return all.begin();  // end() when there is none
  const auto direct = [&](const objects::Program* program) {
    return std::ranges::find_if(
        all, [&](const CgroupAttachment& a) { return a.link == nullptr && a.program.get() == program; });
  };
  if (request.link == nullptr && !(request.program == request.replace) &&
      direct(request.program.get()) != all.end())
    return fail(EINVAL);
  if (!request.replace) return all.end();
  const auto replaced = direct(request.replace.get());
  if (replaced == all.end()) return fail(ENOENT);
  return replaced;
}

// get_prog_list: where a new entry goes.
Result<Position> find_place(Attachments& all, const Hierarchy::AttachRequest& request) {
  const bool by_link = (request.flags & abi::BPF_F_LINK) != 0;
  const bool by_id = (request.flags & abi::BPF_F_ID) != 0;
  const bool before = (request.flags & abi::BPF_F_BEFORE) != 0;
  const bool after = (request.flags & abi::BPF_F_AFTER) != 0;
  const bool anchored = by_link || by_id || request.anchor_fd_or_id != 0;
  if (anchored && before == after) return fail(EINVAL);
  // Links are placed by links, programs by programs.
  if (anchored && by_link != (request.link != nullptr)) return fail(EINVAL);
  if (!anchored) {
    if (before && after && !all.empty()) return fail(EINVAL);
    return before ? all.begin() : all.end();
  }
  if (request.anchor_error != 0) return fail(request.anchor_error);
  const auto anchor = std::ranges::find_if(all, [&](const CgroupAttachment& a) {
    if (by_link) return a.link != nullptr && a.link == request.anchor_link.get();
    return a.link == nullptr && a.program == request.anchor_program;
  });
  if (anchor == all.end()) return fail(ENOENT);
  if (anchor->preorder != ((request.flags & abi::BPF_F_PREORDER) != 0)) return fail(EINVAL);
  return before ? anchor : anchor + 1;
}

}  // namespace

Status Hierarchy::attach(Cgroup& cgroup, const AttachRequest& request) {
  Garbage garbage;
  std::lock_guard lock(state_->mutex);
  return attach_locked(cgroup, request, garbage);
}

Status Hierarchy::attach_locked(Cgroup& cgroup, const AttachRequest& request, Garbage& garbage) {
  SKEP_TRY(check_flags(request));
  const int slot_number = request.type->cgroup_slot;
  Cgroup::Slot& slot = cgroup.slots_[slot_number];
  if (request.expected_revision != 0 && request.expected_revision != slot.revision) return fail(ESTALE);

  std::vector<Level> ancestors;
  for (const Cgroup* at = cgroup.parent_.get(); at != nullptr; at = at->parent_.get())
    ancestors.push_back({&at->slots_[slot_number].attachments, at->slots_[slot_number].flags});
  if (!hierarchy_allows(ancestors)) return fail(EPERM);
  const uint32_t slot_flags = request.flags & kSlotFlags;
  if (!slot.attachments.empty() && slot.flags != slot_flags) return fail(EPERM);
  if (slot.attachments.size() >= kMaxPrograms) return fail(E2BIG);
  if (!cgroup.online()) return fail(ENODEV);

  CgroupAttachment entry{request.link != nullptr ? request.link->program() : request.program, request.link,
                         (request.flags & abi::BPF_F_PREORDER) != 0};
  const Position taken = SKEP_TRY(find_entry(slot.attachments, request));
  if (taken != slot.attachments.end()) {
    garbage.programs.push_back(std::move(taken->program));
    *taken = std::move(entry);
  } else {
    const Position place = SKEP_TRY(find_place(slot.attachments, request));
    slot.attachments.insert(place, std::move(entry));
    attached_[slot_number].fetch_add(1, std::memory_order_relaxed);
  }
  slot.flags = slot_flags;
  ++slot.revision;
  if (request.link != nullptr) request.link->cgroup_ = Ref<Cgroup>::share(&cgroup);
  recompute(cgroup, slot_number, garbage);
  return {};
}

Status Hierarchy::detach(Cgroup& cgroup, const progtypes::AttachTypeRow& type,
                         const objects::Program* program, const CgroupLink* link,
                         uint64_t expected_revision) {
  Garbage garbage;
  std::lock_guard lock(state_->mutex);
  return detach_locked(cgroup, type.cgroup_slot, program, link, expected_revision, garbage);
}

Status Hierarchy::detach_locked(Cgroup& cgroup, int slot_number, const objects::Program* program,
                                const CgroupLink* link, uint64_t expected_revision, Garbage& garbage) {
  Cgroup::Slot& slot = cgroup.slots_[slot_number];
  if (expected_revision != 0 && expected_revision != slot.revision) return fail(ESTALE);
  Position entry = slot.attachments.begin();
  if ((slot.flags & abi::BPF_F_ALLOW_MULTI) != 0) {  // else the only one goes, whatever was named
    if (program == nullptr && link == nullptr) return fail(EINVAL);
    entry = std::ranges::find_if(slot.attachments, [&](const CgroupAttachment& a) {
      return link != nullptr ? a.link == link : a.link == nullptr && a.program.get() == program;
    });
  }
  if (entry == slot.attachments.end()) return fail(ENOENT);
  if (entry->link != nullptr) entry->link->cgroup_ = nullptr;
  garbage.programs.push_back(std::move(entry->program));
  slot.attachments.erase(entry);
  if (slot.attachments.empty()) slot.flags = 0;
  ++slot.revision;
  attached_[slot_number].fetch_sub(1, std::memory_order_relaxed);
  recompute(cgroup, slot_number, garbage);
  return {};
}

Status Hierarchy::replace_link_program(CgroupLink& link, Ref<objects::Program> program,
                                       const Ref<objects::Program>& expected) {
  Garbage garbage;
  std::lock_guard lock(state_->mutex);
  if (!link.cgroup_) return fail(ENOLINK);
  if (expected && !(link.program() == expected)) return fail(EPERM);
  if (link.program()->type() != program->type()) return fail(EINVAL);
  const int slot_number = link.attach_type().cgroup_slot;
  Cgroup::Slot& slot = link.cgroup_->slots_[slot_number];
  const auto entry =
      std::ranges::find_if(slot.attachments, [&](const CgroupAttachment& a) { return a.link == &link; });
  if (entry == slot.attachments.end()) return fail(ENOENT);
  ++slot.revision;
  garbage.programs.push_back(std::exchange(entry->program, program));
  garbage.programs.push_back(link.exchange_program(std::move(program)));
  recompute(*link.cgroup_, slot_number, garbage);
  return {};
}

Status Hierarchy::detach_link(CgroupLink& link) {
  Garbage garbage;
  std::lock_guard lock(state_->mutex);
  garbage.cgroup = link.cgroup_;
  if (!garbage.cgroup) return {};
  return detach_locked(*garbage.cgroup, link.attach_type().cgroup_slot, nullptr, &link, 0, garbage);
}

Hierarchy::QueryResult Hierarchy::query(const Cgroup& cgroup, const progtypes::AttachTypeRow& type,
                                        bool effective) const {
  std::lock_guard lock(state_->mutex);
  const Cgroup::Slot& slot = cgroup.slots_[type.cgroup_slot];
  QueryResult result;
  if (effective) {
    if (const EffectiveArray* array = slot.effective.load(std::memory_order_relaxed))
      for (const EffectiveProgram& entry : array->programs) result.program_ids.push_back(entry.program->id());
    return result;
  }
  result.attach_flags = slot.flags;
  result.revision = slot.revision;
  for (const CgroupAttachment& attachment : slot.attachments) {
    result.program_ids.push_back(attachment.program->id());
    result.program_flags.push_back(slot.flags);
  }
  return result;
}

uint64_t Hierarchy::cgroup_id_of(const CgroupLink& link) const {
  std::lock_guard lock(state_->mutex);
  return link.cgroup_ ? link.cgroup_->id() : 0;
}

void Hierarchy::recompute(Cgroup& cgroup, int slot_number, Garbage& garbage) {
  std::vector<Level> levels;
  for (const Cgroup* at = &cgroup; at != nullptr; at = at->parent_.get())
    levels.push_back({&at->slots_[slot_number].attachments, at->slots_[slot_number].flags});
  std::vector<EffectiveProgram> programs = compute_effective(levels);
  const EffectiveArray* fresh = programs.empty() ? nullptr : new EffectiveArray{std::move(programs)};
  const EffectiveArray* old = cgroup.slots_[slot_number].effective.exchange(fresh, std::memory_order_acq_rel);
  if (old != nullptr) garbage.arrays.emplace_back(old);
  for (Cgroup* child : cgroup.children_) recompute(*child, slot_number, garbage);
}

}  // namespace skep::attach
