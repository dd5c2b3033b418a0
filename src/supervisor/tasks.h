// Tasks: which virtual cgroup each process of the tree is in.
//
// Membership must be inherited by fork at the moment of the fork, also when the parent dies at once, and fork
// is not trapped. So the membership lives in the process itself, in a place that the kernel copies on fork
// and keeps over exec: the soft limit RLIMIT_LOCKS, which Linux has not looked at since 2.4, holds the id of
// the cgroup. We read and write it from outside (prlimit); clients' own calls on that one limit are trapped
// and answered as if it were unlimited. A process without the mark is not one of ours.
//
// attach::Hierarchy keeps lists of members besides; sync() brings them up to date. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "attach/cgroup/cgroup.h"
#include "base/result.h"

namespace skep::supervisor {

class Tasks {
 public:
  explicit Tasks(attach::Hierarchy& hierarchy) : hierarchy_(hierarchy) {}

  // Marks the first process of the tree as a member of the root.
  Status adopt(uint32_t tgid);

  // The cgroup of a process; the root for a process that is not ours or gone.
  Ref<attach::Cgroup> cgroup_of(uint32_t tgid);
  // A write of `tgid` to cgroup.procs. ESRCH: no such process in the tree; ENODEV, EBUSY, ...: see
  // Hierarchy::move.
  Status move(uint32_t tgid, const Ref<attach::Cgroup>& to);

  // Brings Hierarchy's members up to date; before anybody lists members or removes a cgroup. Walks /proc.
  void sync();

  // Linux remembers the cgroup in which a socket was made; a process that moves keeps its sockets where
  // they were. So: the cgroup remembered for the socket at a move, else the caller's own.
  Ref<attach::Cgroup> cgroup_of_socket(uint64_t socket_inode, uint32_t tgid);
  size_t remembered_sockets() const;

 private:
  void remember_sockets(uint32_t tgid, uint64_t cgroup_id);
  void prune_sockets();

  attach::Hierarchy& hierarchy_;
  mutable std::mutex mutex_;
  std::unordered_set<uint32_t> listed_;             // what sync() and move() told the hierarchy
  std::unordered_map<uint64_t, uint64_t> sockets_;  // socket inode -> cgroup id
};

}  // namespace skep::supervisor
