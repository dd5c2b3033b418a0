// Caller: the process that made a bpf(2) call, as far as the call can see it. Two implementations: a client
// of the supervisor (other process, trapped) and our own process (libskep, skep verify, tests).
//
// Every client pointer is read through read(), once. Handlers copy the attribute in, decide on the copy, and
// write results back at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "attach/cgroup/cgroup.h"
#include "base/result.h"
#include "helpers/run_context.h"
#include "objects/object.h"

namespace skep::syscall {

using objects::FdMode;
using objects::FdObject;

// Capabilities that count in the virtual kernel. Clients of `skep run` are root in it unless told otherwise.
struct Credentials {
  bool bpf = true, perfmon = true, net_admin = true, sys_admin = true;
  uint32_t uid = 0;
};

class Caller {
 public:
  virtual ~Caller() = default;

  virtual Status read(uint64_t address, std::span<std::byte> out) = 0;          // EFAULT
  virtual Status write(uint64_t address, std::span<const std::byte> data) = 0;  // EFAULT
  virtual Result<std::string> read_string(uint64_t address,
                                          size_t limit) = 0;  // EFAULT; cut at `limit` bytes

  virtual Credentials credentials() = 0;
  virtual const helpers::TaskInfo& task() = 0;
  virtual helpers::RunEnvironment& environment() = 0;  // for test runs
  // The caller has a signal to take or is gone: long work ends with EINTR. Any thread; cheap.
  virtual bool interrupted() { return false; }

  virtual Result<FdObject> object(int fd) = 0;  // EBADF: no such fd; EINVAL: some other file
  virtual Result<int> install(objects::Object object, FdMode mode) = 0;  // close-on-exec, as Linux does
  // An fd that calls `closed` once, when its last copy is gone (ENABLE_STATS).
  virtual Result<int> install_notifier(std::function<void()> closed) = 0;
  virtual Result<Ref<attach::Cgroup>> cgroup(int fd) = 0;  // EBADF: not a directory of the cgroup file system

  // The BPF file system. `directory_fd` is AT_FDCWD or the path_fd of the attribute.
  virtual Status pin(int directory_fd, const std::string& path,
                     objects::Object object) = 0;  // EEXIST, EPERM, ENOENT
  virtual Result<FdObject> get_pinned(int directory_fd, const std::string& path) = 0;  // ENOENT, EACCES

  // What fd N of process `pid` is, for TASK_FD_QUERY. ENOENT: no such process; EBADF: no such fd; ENOTSUPP:
  // the fd is of no kind that carries a program.
  virtual Result<objects::Object> object_of(uint32_t pid, int fd) = 0;
};

}  // namespace skep::syscall
