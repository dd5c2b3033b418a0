// What PROG_ATTACH and LINK_CREATE share about cgroups.
#pragma once

#include "syscall/call.h"

namespace skep::syscall {

// Linux's bpf_prog_attach_check_attach_type: may the program be attached there? EINVAL, EPERM.
Result<const progtypes::AttachTypeRow*> check_attach_type(Caller& caller, const objects::Program& program,
                                                          uint32_t attach_type, KernelProfile profile);
// Fills the request's anchor as flags name it: program or link (BPF_F_LINK), fd or id (BPF_F_ID).
void resolve_anchor(Call& call, uint32_t fd_or_id, attach::Hierarchy::AttachRequest& request);

}  // namespace skep::syscall
