// Starting the first client: fork, virtual files, no_new_privs, the seccomp filter, exec.
//
// The child shares our table of fds until its exec: the listener, which the child opens, is ours at once and
// no syscall is needed to hand it over that the filter itself might trap.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "abi/insn.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "supervisor/files/virtual_files.h"

namespace skep::supervisor {

struct SharedPage;  // what parent and child tell each other without a syscall

struct Launched {
  pid_t pid = -1;
  UniqueFd listener;
  std::shared_ptr<SharedPage> page;

  // Errno of the exec once it has failed for good; 0 before that and when it succeeded.
  int exec_error() const;
};

// Call while this process has one thread. On an error no child is left. The text of the error names the step.
Result<Launched> launch(const std::vector<std::string>& command, VirtualFiles& files,
                        const std::vector<abi::sock_filter>& filter);

}  // namespace skep::supervisor
