#include "supervisor/files/cgroup_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "supervisor/files/content.h"

namespace skep::supervisor {
namespace {

using attach::Cgroup;
using attach::Hierarchy;

// Bodies of the files whose contents are computed.
std::string members(const Hierarchy& hierarchy, const Cgroup& cgroup) {
  std::string text;
  for (const uint32_t tgid : hierarchy.members(cgroup)) text += fmt::format("{}\n", tgid);
  return text;
}

std::string events(const Hierarchy& hierarchy, const Cgroup& cgroup) {
  return fmt::format("populated {}\nfrozen 0\n", hierarchy.populated(cgroup) ? 1 : 0);
}

struct ControlFile {
  std::string_view name;
  mode_t mode;
  bool in_root;
  std::string_view text;                                 // contents that never change
  std::string (*body)(const Hierarchy&, const Cgroup&);  // contents computed on open, or null
  bool moves_tasks;                                      // a write moves a process here
};

constexpr ControlFile kControlFiles[] = {
    {"cgroup.controllers", 0444, true, "", nullptr, false},
    {"cgroup.events", 0444, false, "", events, false},
    {"cgroup.max.depth", 0644, true, "max\n", nullptr, false},
    {"cgroup.max.descendants", 0644, true, "max\n", nullptr, false},
    {"cgroup.procs", 0644, true, "", members, true},
    {"cgroup.stat", 0444, true, "nr_descendants 0\nnr_dying_descendants 0\n", nullptr, false},
    {"cgroup.subtree_control", 0644, true, "", nullptr, false},
    {"cgroup.threads", 0644, true, "", members, true},
    {"cgroup.type", 0644, false, "domain\n", nullptr, false},
};

struct SplitPath {
  std::string directory;  // "/web", "/" for the root
  std::string name;
};

SplitPath split(const std::string& inner) {
  const size_t slash = inner.rfind('/');
  return {slash == 0 ? "/" : inner.substr(0, slash), inner.substr(slash + 1)};
}

Result<FileIdentity> identity_of_path(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return fail_last();
  return FileIdentity{status.st_dev, status.st_ino};
}

}  // namespace

Result<std::unique_ptr<CgroupTree>> CgroupTree::create(const std::string& directory, Hierarchy& hierarchy,
                                                       Tasks& tasks) {
  std::unique_ptr<CgroupTree> tree(new CgroupTree(directory, hierarchy, tasks));
  if (::mkdir(directory.c_str(), 0755) != 0) return fail_last();
  SKEP_TRY(tree->populate(directory, true));
  tree->root_identity_ = SKEP_TRY(identity_of_path(directory));
  return tree;
}

Status CgroupTree::populate(const std::string& real, bool root) {
  for (const ControlFile& file : kControlFiles) {
    if (root && !file.in_root) continue;
    const std::string path = real + "/" + std::string(file.name);
    const UniqueFd fd(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, file.mode));
    if (!fd) return fail_last();
    if (::write(fd.get(), file.text.data(), file.text.size()) < 0) return fail_last();
  }
  return {};
}

Status CgroupTree::make(const TreePath& path, mode_t mode) {
  if (::mkdir(path.real.c_str(), mode) != 0) return fail_last();
  const Result<FileIdentity> identity = identity_of_path(path.real);
  Status made = identity ? populate(path.real, false) : std::unexpected(identity.error());
  if (made) {
    const auto cgroup = hierarchy_.create(path.inner, identity->inode);
    if (!cgroup) made = std::unexpected(cgroup.error());
  }
  if (!made) {
    for (const ControlFile& file : kControlFiles)
      ::unlink((path.real + "/" + std::string(file.name)).c_str());
    ::rmdir(path.real.c_str());
  }
  return made;
}

Status CgroupTree::remove(const TreePath& path) {
  struct stat status;
  if (::lstat(path.real.c_str(), &status) != 0) return fail_last();
  if (!S_ISDIR(status.st_mode)) return fail(ENOTDIR);
  if (path.inner == "/") return fail(EBUSY);
  tasks_.sync();
  SKEP_TRY(hierarchy_.remove(path.inner));
  for (const ControlFile& file : kControlFiles) ::unlink((path.real + "/" + std::string(file.name)).c_str());
  if (::rmdir(path.real.c_str()) != 0) return fail_last();
  return {};
}

Result<Ref<Cgroup>> CgroupTree::of_directory(const FileIdentity& identity) const {
  if (identity == root_identity_) return hierarchy_.root();
  if (identity.device != root_identity_.device) return fail(EBADF);
  Ref<Cgroup> cgroup = hierarchy_.by_id(identity.inode);
  if (!cgroup) return fail(EBADF);
  return cgroup;
}

std::optional<Result<UniqueFd>> CgroupTree::open(const TreePath& path, int flags, uint32_t writer_tgid) {
  const SplitPath parts = split(path.inner);
  const ControlFile* file = nullptr;
  for (const ControlFile& candidate : kControlFiles)
    if (candidate.name == parts.name) file = &candidate;
  if (!file || !file->body || (flags & O_PATH)) return std::nullopt;
  const auto cgroup = hierarchy_.find(parts.directory);
  if (!cgroup) return std::unexpected(cgroup.error());
  if ((flags & O_ACCMODE) == O_RDONLY) {
    settle();
    tasks_.sync();
    return content_fd(file->body(hierarchy_, **cgroup));
  }
  if (!file->moves_tasks) return fail(EACCES);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_DIRECT | O_NONBLOCK) != 0) return fail_last();
  UniqueFd ours(ends[0]), theirs(ends[1]);
  ::fcntl(theirs.get(), F_SETFL, O_DIRECT | (flags & O_NONBLOCK));
  const std::lock_guard lock(mutex_);
  writers_.push_back({std::move(ours), *cgroup, writer_tgid});
  has_writers_.store(true, std::memory_order_release);
  return theirs;
}

bool CgroupTree::drain(Writer& writer) {
  char packet[256];
  for (;;) {
    const ssize_t got = ::read(writer.pipe.get(), packet, sizeof packet);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    uint32_t pid = 0;
    const auto parsed = std::from_chars(packet, packet + got, pid);
    const uint32_t tgid = pid == 0 ? writer.tgid : pid;
    const std::string shown(packet, static_cast<size_t>(got));
    Status moved = parsed.ec == std::errc() ? Status() : fail(EINVAL);
    if (moved) moved = tasks_.move(tgid, writer.cgroup);
    if (!moved)
      fmt::print(stderr, "skep: cgroup {}: cannot move '{}': {}\n", writer.cgroup->path(),
                 shown.substr(0, shown.find('\n')), std::strerror(moved.error().code));
  }
}

void CgroupTree::settle() {
  if (!has_writers_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(mutex_);
  std::erase_if(writers_, [this](Writer& writer) { return !drain(writer); });
  has_writers_.store(!writers_.empty(), std::memory_order_release);
}

}  // namespace skep::supervisor
