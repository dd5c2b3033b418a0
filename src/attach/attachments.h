// Attachments: everything that programs of one virtual kernel can be attached to.
#pragma once

#include "attach/cgroup/cgroup.h"
#include "attach/trace/tracepoints.h"

namespace skep::attach {

// Links refer to it: it outlives them (the host drops fds and pins first).
struct Attachments {
  Hierarchy cgroups;
  Tracepoints tracepoints;
};

}  // namespace skep::attach
