#include "supervisor/tasks.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "supervisor/proc.h"

namespace skep::supervisor {

using attach::Cgroup;

namespace {

constexpr size_t kSocketsBeforePrune = 4096;

// The same number as everybody may read it; needed where a client has another uid and we have no
// CAP_SYS_RESOURCE.
uint64_t public_mark_of(uint32_t tgid) {
  constexpr std::string_view kLabel = "Max file locks";
  const auto text = read_small_file(fmt::format("/proc/{}/limits", tgid));
  const size_t at = text ? text->find(kLabel) : std::string::npos;
  return at == std::string::npos ? 0 : std::strtoull(text->c_str() + at + kLabel.size(), nullptr, 10);
}

// 0: not one of ours, or gone. Cgroup ids are never 0.
uint64_t mark_of(uint32_t tgid) {
  rlimit limit{};
  if (::prlimit(static_cast<pid_t>(tgid), RLIMIT_LOCKS, nullptr, &limit) != 0)
    return errno == EPERM ? public_mark_of(tgid) : 0;
  return limit.rlim_cur == RLIM_INFINITY ? 0 : limit.rlim_cur;
}

Status set_mark(uint32_t tgid, uint64_t cgroup_id) {
  rlimit limit{cgroup_id, RLIM_INFINITY};
  if (::prlimit(static_cast<pid_t>(tgid), RLIMIT_LOCKS, &limit, nullptr) != 0) return fail_last();
  return {};
}

// Calls visit(inode) for each open socket of a process.
template <class Visit>
void for_each_socket(uint32_t tgid, Visit visit) {
  const std::string path = fmt::format("/proc/{}/fd", tgid);
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return;
  while (const dirent* entry = ::readdir(directory)) {
    char target[64];
    const ssize_t length = ::readlinkat(::dirfd(directory), entry->d_name, target, sizeof target - 1);
    if (length <= 0) continue;
    target[length] = '\0';
    if (std::strncmp(target, "socket:[", 8) == 0) visit(std::strtoull(target + 8, nullptr, 10));
  }
  ::closedir(directory);
}

}  // namespace

Status Tasks::adopt(uint32_t tgid) {
  std::lock_guard lock(mutex_);
  SKEP_TRY(set_mark(tgid, hierarchy_.root()->id()));
  listed_.insert(tgid);
  return hierarchy_.move(tgid, hierarchy_.root());
}

Ref<Cgroup> Tasks::cgroup_of(uint32_t tgid) {
  const uint64_t id = mark_of(tgid);
  if (id != 0)
    if (Ref<Cgroup> cgroup = hierarchy_.by_id(id)) return cgroup;
  return hierarchy_.root();
}

Status Tasks::move(uint32_t tgid, const Ref<Cgroup>& to) {
  const uint64_t from = mark_of(tgid);
  if (from == 0 || !hierarchy_.by_id(from)) return fail(ESRCH);  // nor one of another supervisor's tree
  std::lock_guard lock(mutex_);
  SKEP_TRY(hierarchy_.move(tgid, to));
  listed_.insert(tgid);
  remember_sockets(tgid, from);
  return set_mark(tgid, to->id());
}

void Tasks::sync() {
  std::lock_guard lock(mutex_);
  std::unordered_set<uint32_t> ours;
  for (const uint32_t tgid : process_ids()) {
    const uint64_t id = mark_of(tgid);
    if (id == 0 || !is_running(tgid)) continue;
    const Ref<Cgroup> cgroup = hierarchy_.by_id(id);
    if (cgroup && hierarchy_.move(tgid, cgroup)) ours.insert(tgid);
  }
  for (const uint32_t tgid : listed_)
    if (!ours.contains(tgid)) hierarchy_.forget(tgid);
  listed_ = std::move(ours);
}

void Tasks::remember_sockets(uint32_t tgid, uint64_t cgroup_id) {
  // The first cgroup in which a socket was seen is where it was made.
  for_each_socket(tgid, [&](uint64_t inode) { sockets_.try_emplace(inode, cgroup_id); });
  if (sockets_.size() > kSocketsBeforePrune) prune_sockets();
}

void Tasks::prune_sockets() {
  std::unordered_set<uint64_t> open;
  for (const uint32_t tgid : process_ids())
    if (mark_of(tgid) != 0) for_each_socket(tgid, [&](uint64_t inode) { open.insert(inode); });
  std::erase_if(sockets_, [&](const auto& entry) { return !open.contains(entry.first); });
}

Ref<Cgroup> Tasks::cgroup_of_socket(uint64_t socket_inode, uint32_t tgid) {
  {
    std::lock_guard lock(mutex_);
    const auto found = sockets_.find(socket_inode);
    if (found != sockets_.end())
      if (Ref<Cgroup> cgroup = hierarchy_.by_id(found->second)) return cgroup;
  }
  return cgroup_of(tgid);
}

size_t Tasks::remembered_sockets() const {
  std::lock_guard lock(mutex_);
  return sockets_.size();
}

}  // namespace skep::supervisor
