// The tree of cgroups and who is in it. Attaching stands in attach.cpp.
#include "attach/cgroup/hierarchy_state.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "attach/cgroup/cgroup_link.h"
#include "base/rcu.h"

namespace skep::attach {
namespace {

constexpr uint64_t kRootId = 1;
constexpr int kMaxLevel = 256;  // recomputing walks the tree below a cgroup by recursion

std::string_view without_slashes(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace

Cgroup::Cgroup(Ref<Cgroup> parent, std::string name, uint64_t id)
    : id_(id),
      name_(std::move(name)),
      parent_(std::move(parent)),
      level_(parent_ ? parent_->level_ + 1 : 0) {}

Cgroup::~Cgroup() {
  for (Slot& slot : slots_) delete slot.effective.load(std::memory_order_relaxed);
}

std::string Cgroup::path() const {
  if (!parent_) return "/";
  const std::string above = parent_->path();
  return fmt::format("{}/{}", above == "/" ? "" : above, name_);
}

Hierarchy::Garbage::~Garbage() {
  if (arrays.empty() && programs.empty()) return;
  rcu_synchronize();
}

Hierarchy::Hierarchy()
    : root_(Ref<Cgroup>::adopt(new Cgroup(nullptr, "", kRootId))), state_(std::make_unique<State>()) {
  state_->by_id[kRootId] = root_;
}

Hierarchy::~Hierarchy() = default;

Cgroup* Hierarchy::State::child(const Cgroup& parent, std::string_view name) {
  const auto found =
      std::ranges::find_if(parent.children_, [&](const Cgroup* c) { return c->name() == name; });
  return found == parent.children_.end() ? nullptr : *found;
}

Cgroup* Hierarchy::State::walk(Cgroup& root, std::string_view path) {
  Cgroup* at = &root;
  path = without_slashes(path);
  while (at != nullptr && !path.empty()) {
    const size_t slash = path.find('/');
    at = child(*at, path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : without_slashes(path.substr(slash));
  }
  return at;
}

Result<Ref<Cgroup>> Hierarchy::find(const std::string& path) const {
  std::lock_guard lock(state_->mutex);
  Cgroup* const found = State::walk(*root_, path);
  if (found == nullptr) return fail(ENOENT);
  return Ref<Cgroup>::share(found);
}

Result<Ref<Cgroup>> Hierarchy::create(const std::string& path, uint64_t id) {
  const std::string_view whole = without_slashes(path);
  const size_t slash = whole.rfind('/');
  const std::string_view above =
      slash == std::string_view::npos ? std::string_view() : whole.substr(0, slash);
  const std::string_view name = slash == std::string_view::npos ? whole : whole.substr(slash + 1);
  if (name.empty()) return fail(EEXIST);

  Garbage garbage;
  std::lock_guard lock(state_->mutex);
  Cgroup* const parent = State::walk(*root_, above);
  if (parent == nullptr) return fail(ENOENT);
  if (State::child(*parent, name) != nullptr) return fail(EEXIST);
  if (parent->level_ >= kMaxLevel) return fail(EAGAIN);
  if (id == 0) do {
      id = state_->next_id++;
    } while (state_->by_id.contains(id));
  if (state_->by_id.contains(id)) return fail(EEXIST);
  auto made = Ref<Cgroup>::adopt(new Cgroup(Ref<Cgroup>::share(parent), std::string(name), id));
  parent->children_.push_back(made.get());
  state_->by_id[id] = made;
  for (int slot = 0; slot < progtypes::kMaxCgroupSlots; ++slot) recompute(*made, slot, garbage);
  return made;
}

Status Hierarchy::remove(const std::string& path) {
  Garbage garbage;
  std::lock_guard lock(state_->mutex);
  Cgroup* const found = State::walk(*root_, path);
  if (found == nullptr) return fail(ENOENT);
  if (found == root_.get() || !found->children_.empty()) return fail(EBUSY);
  const bool inhabited =
      std::ranges::any_of(state_->member_of, [&](const auto& m) { return m.second.get() == found; });
  if (inhabited) return fail(EBUSY);

  for (int slot = 0; slot < progtypes::kMaxCgroupSlots; ++slot) {
    for (CgroupAttachment& attachment : found->slots_[slot].attachments) {
      if (attachment.link != nullptr) attachment.link->cgroup_ = nullptr;
      attached_[slot].fetch_sub(1, std::memory_order_relaxed);
      garbage.programs.push_back(std::move(attachment.program));
    }
    found->slots_[slot].attachments.clear();
    garbage.arrays.emplace_back(found->slots_[slot].effective.exchange(nullptr));
  }
  found->online_.store(false, std::memory_order_release);
  std::erase(found->parent_->children_, found);
  garbage.cgroup = std::move(state_->by_id.at(found->id_));
  state_->by_id.erase(found->id_);
  return {};
}

Ref<Cgroup> Hierarchy::by_id(uint64_t id) const {
  std::lock_guard lock(state_->mutex);
  const auto found = state_->by_id.find(id);
  return found == state_->by_id.end() ? nullptr : found->second;
}

Status Hierarchy::move(uint32_t tgid, const Ref<Cgroup>& to) {
  std::lock_guard lock(state_->mutex);
  if (!to->online()) return fail(ENODEV);
  state_->member_of[tgid] = to;
  return {};
}

Ref<Cgroup> Hierarchy::of(uint32_t tgid) const {
  std::lock_guard lock(state_->mutex);
  const auto found = state_->member_of.find(tgid);
  return found == state_->member_of.end() ? root_ : found->second;
}

void Hierarchy::forget(uint32_t tgid) {
  std::lock_guard lock(state_->mutex);
  state_->member_of.erase(tgid);
}

std::vector<uint32_t> Hierarchy::members(const Cgroup& cgroup) const {
  std::lock_guard lock(state_->mutex);
  std::vector<uint32_t> members;
  for (const auto& [tgid, in] : state_->member_of)
    if (in.get() == &cgroup) members.push_back(tgid);
  return members;
}

bool Hierarchy::populated(const Cgroup& cgroup) const {
  std::lock_guard lock(state_->mutex);
  for (const auto& [tgid, in] : state_->member_of)
    for (const Cgroup* above = in.get(); above; above = above->parent().get())
      if (above == &cgroup) return true;
  return false;
}

}  // namespace skep::attach
