// CgroupTree: directories that stand for control groups, their control files, and what is written to them.
//
// A directory's inode number is the id of its cgroup. Control files are real (so that they can be listed);
// those whose contents change are computed on open. A write to cgroup.procs reaches us through a packet pipe,
// one packet a write(2): settle() acts on what has been written, and since every hook settles first, a move
// is in force before the mover's next trapped syscall. An error (no such process) cannot be returned to the
// writer; it is printed once. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "attach/cgroup/cgroup.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "supervisor/client.h"
#include "supervisor/files/trees.h"
#include "supervisor/tasks.h"

namespace skep::supervisor {

class CgroupTree {
 public:
  static Result<std::unique_ptr<CgroupTree>> create(const std::string& directory,
                                                    attach::Hierarchy& hierarchy, Tasks& tasks);

  Status make(const TreePath& path, mode_t mode);                                // mkdir(2)
  Status remove(const TreePath& path);                                           // rmdir(2)
  Result<Ref<attach::Cgroup>> of_directory(const FileIdentity& identity) const;  // EBADF

  // Opens a control file whose contents are computed or judged; nullopt for others.
  std::optional<Result<UniqueFd>> open(const TreePath& path, int flags, uint32_t writer_tgid);

  void settle();

 private:
  CgroupTree(std::string directory, attach::Hierarchy& hierarchy, Tasks& tasks)
      : directory_(std::move(directory)), hierarchy_(hierarchy), tasks_(tasks) {}

  struct Writer {
    UniqueFd pipe;  // our reading end
    Ref<attach::Cgroup> cgroup;
    uint32_t tgid;  // who opened it: what "0" means
  };
  Status populate(const std::string& real, bool root);
  bool drain(Writer& writer);  // false when the last copy of the writing end is closed

  const std::string directory_;
  attach::Hierarchy& hierarchy_;
  Tasks& tasks_;
  FileIdentity root_identity_;
  std::mutex mutex_;
  std::vector<Writer> writers_;
  std::atomic<bool> has_writers_{false};
};

}  // namespace skep::supervisor
