// Listener: the supervisor's end of the seccomp filter: receives notifications and answers them.
//
// A thin, thread-safe wrapper of one fd; any number of threads may receive at once, each notification goes to
// exactly one of them.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"
#include "supervisor/outcome.h"

namespace skep::supervisor {

// A notification as the kernel hands it over.
struct Notification {
  uint64_t id = 0;
  uint32_t tid = 0;
  int nr = 0;
  uint64_t args[6] = {};
};

class Listener {
 public:
  // Takes over the fd that seccomp(SET_MODE_FILTER, NEW_LISTENER) returned.
  explicit Listener(UniqueFd fd);

  int fd() const { return fd_.get(); }

  // Blocks. EINTR: a signal came; ENOENT: the client died in between, ask again; ENOTCONN: no client is left.
  Result<Notification> receive();

  // False: the client died, or was answered. Then nothing happened.
  bool reply(uint64_t id, Outcome outcome);
  // True while the client of the notification waits in its syscall.
  bool valid(uint64_t id) const;

  // Copies our `fd` into the client: at the lowest free number, or at `client_fd` (>= 0) in place of what is
  // there.
  Result<int> add_fd(uint64_t id, int fd, bool close_on_exec, int client_fd = -1);

 private:
  bool reply_with_fd(uint64_t id, const Outcome& outcome);

  UniqueFd fd_;
};

}  // namespace skep::supervisor
