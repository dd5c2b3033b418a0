// VirtualFiles: the file trees that BPF's users expect and an unprivileged process does not have:
// /sys/fs/bpf, /sys/fs/cgroup, /sys/kernel/tracing, /sys/kernel/btf/vmlinux, some of /proc/sys and
// /proc/PID/fdinfo.
//
// All of it stands as real files in the private runtime directory. Two implementations: kMounts (bind mounts
// in the client's mount namespace, so paths reach the real files without us; only what must be computed or
// judged is trapped) and kPaths (no namespaces: every path syscall is trapped and paths are translated).
// Which syscalls arrive here in each mode: the rows of traps.def whose handler is `files`.
//
// Thread-safe, except for prepare_child. Owned by the Supervisor.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "attach/cgroup/cgroup.h"
#include "base/result.h"
#include "objects/object.h"
#include "supervisor/client.h"
#include "supervisor/outcome.h"
#include "syscall/caller.h"

namespace skep::objects {
class FdBroker;
class Kernel;
}  // namespace skep::objects

namespace skep::supervisor {

class Tasks;
class TraceOutput;

enum class FileMode : uint8_t { kMounts, kPaths };

// What the trees show and change. Outlives the VirtualFiles.
struct FileServices {
  std::string
      runtime_directory;  // exists, mode 0700, ours; holds bpf/, cgroup/, tracing/ (made by VirtualFiles)
  objects::Kernel* kernel = nullptr;
  objects::FdBroker* broker = nullptr;
  attach::Hierarchy* hierarchy = nullptr;
  Tasks* tasks = nullptr;        // membership: use its move, cgroup_of; sync() before listing or removing
  TraceOutput* trace = nullptr;  // what trace_pipe reads
};

class VirtualFiles {
 public:
  virtual ~VirtualFiles() = default;

  virtual FileMode mode() const = 0;

  // The start of a run, in this order. Both processes are single-threaded then.
  // 1. In the child, before no_new_privs and the filter: namespaces and mounts (kMounts), nothing (kPaths).
  virtual Status prepare_child() = 0;
  // 2. In the supervisor, when the child has done 1 and waits: what only the parent may do.
  virtual Status finish_child(pid_t child) = 0;

  // A trapped syscall of the `files` family (see client.nr()). kContinue for paths that are none of ours.
  virtual Outcome handle(Client& client) = 0;

  // Called before any hook looks at cgroup membership and before each bpf(2): brings what clients did to the
  // real files (unlinked pins, new cgroup directories, writes to cgroup.procs) up to date where that is not
  // trapped. Cheap when nothing happened.
  virtual void settle() = 0;

  // BPF_OBJ_PIN and BPF_OBJ_GET. `directory_fd` (AT_FDCWD or a fd) and `path` are as the client gave them.
  // EEXIST, ENOENT, EPERM (not in a BPF file system).
  virtual Status pin(Client& client, int directory_fd, const std::string& path, objects::Object object) = 0;
  virtual Result<objects::FdObject> get_pinned(Client& client, int directory_fd, const std::string& path) = 0;

  // The cgroup that an open directory stands for. EBADF: it is none.
  virtual Result<Ref<attach::Cgroup>> cgroup_of_directory(const FileIdentity& identity) = 0;

  virtual size_t pin_count() const = 0;  // for `skep status`
};

// kMounts fails (EPERM, ENOSYS, ...) where the machine forbids the namespaces; the caller then decides.
// `mounts_allowed` tests that in a short-lived child, for --files=auto.
Result<std::unique_ptr<VirtualFiles>> make_virtual_files(FileMode mode, const FileServices& services);
bool mounts_allowed();

}  // namespace skep::supervisor
