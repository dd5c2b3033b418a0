// getrlimit, setrlimit, prlimit of RLIMIT_LOCKS, which holds a process's cgroup (tasks.h): for clients it is
// what it is on every Linux that never set it, unlimited, and setting it changes nothing, as nothing reads
// it.
#include <sys/resource.h>
#include <sys/syscall.h>

#include "supervisor/handlers.h"

namespace skep::supervisor {

Outcome handle_lock_limit(Supervisor&, Client& client) {
  const bool is_prlimit = client.nr() == SYS_prlimit64;
  uint64_t set_at = 0, get_at = 0;
  if (is_prlimit) {
    set_at = client.arg(2);
    get_at = client.arg(3);
#ifdef SYS_setrlimit
  } else {
    (client.nr() == SYS_setrlimit ? set_at : get_at) = client.arg(1);
    if (client.arg(1) == 0) return Outcome::error(EFAULT);
#endif
  }
  if (set_at != 0) {
    const auto wanted = client.read_object<rlimit>(set_at);
    if (!wanted) return Outcome::error(EFAULT);
    if (wanted->rlim_cur > wanted->rlim_max) return Outcome::error(EINVAL);
  }
  if (get_at != 0 && !client.write_object(get_at, rlimit{RLIM_INFINITY, RLIM_INFINITY}))
    return Outcome::error(EFAULT);
  return Outcome::returns(0);
}

}  // namespace skep::supervisor
