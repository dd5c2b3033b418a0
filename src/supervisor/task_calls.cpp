// Calls that make processes. A child starts in its parent's cgroup, and a parent may have asked to move a
// moment ago (a write to cgroup.procs returns before the move is in force): so the move is made before the
// fork.
#include "supervisor/handlers.h"
#include "supervisor/supervisor.h"

namespace skep::supervisor {

Outcome handle_fork(Supervisor& supervisor, Client&) {
  supervisor.files().settle();
  return Outcome::proceed();
}

}  // namespace skep::supervisor
