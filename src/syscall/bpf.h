// bpf(2): the one way into the virtual kernel. commands.def says for each command what its attribute is,
// which capability it takes and who handles it; what all commands share is done here, once.
#pragma once

#include <cstdint>

#include "attach/attachments.h"
#include "base/result.h"
#include "objects/kernel.h"
#include "syscall/caller.h"

namespace skep::syscall {

// The attribute of `size` bytes lies at `uattr` in the caller's memory. A non-negative result (often an fd in
// the caller), or the errno. Thread-safe; may block for the length of a verification or a test run.
Result<int64_t> bpf(objects::Kernel& kernel, attach::Attachments& attachments, Caller& caller, int cmd,
                    uint64_t uattr, uint32_t size);

}  // namespace skep::syscall
