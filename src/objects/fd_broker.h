// FdBroker: real file descriptors that stand for objects, so that dup, fork, SCM_RIGHTS, close-on-exec and
// /proc/self/fd work natively in whoever holds them.
//
// - An object without memory to map is one end of a FIFO that was made for this fd and unlinked at once (its
// name is
//   what bpftool looks for in /proc/PID/fd). We hold the writing end: it reports an error when the last copy
//   of the client's end is closed.
// - A mappable map is a fresh open of its memfd, so mmap is native. Closes are reported by inotify; whether
// any
//   open file of the memfd (or mapping made through one) is left outside is asked with a write lease, which
//   the kernel grants only to the single opener.
//
// The broker owns one reference to the object for as long as a copy of the fd lives anywhere. Thread-safe.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "objects/object.h"

namespace skep::objects {

// The inode that a copy of the fd shows under fstat: the way back to the object.
struct FdIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  friend auto operator<=>(const FdIdentity&, const FdIdentity&) = default;
};

struct BrokeredFd {
  UniqueFd fd;  // close-on-exec; to be handed to the client, then closed here
  FdIdentity identity;
};

class FdBroker {
 public:
  // `runtime_directory`: a private directory of ours where FIFOs may be made. With `own_thread` the broker
  // waits for closes itself; otherwise the host calls process_events() when event_fd() is readable.
  static Result<std::unique_ptr<FdBroker>> create(const std::string& runtime_directory, bool own_thread);
  ~FdBroker();

  // EMFILE, ENOMEM, ...: what the host's own system calls answered.
  Result<BrokeredFd> make_fd(Object object, FdMode mode);

  // An fd without an object: calls `closed` once, when its last copy is gone.
  Result<BrokeredFd> make_notifier_fd(std::string_view name, std::function<void()> closed);

  // Null when the inode is not one of ours. `open_flags` (F_GETFL of the copy) tells the mode of a mappable
  // map.
  std::optional<FdObject> find(FdIdentity identity, int open_flags) const;
  // fstat + F_GETFL + find of a copy that we hold. EBADF: no such fd; EINVAL: some other file.
  Result<FdObject> find(int fd) const;

  // Readable when process_events() has something to do.
  int event_fd() const;
  void process_events();
  size_t size() const;  // objects that are held for fds

 private:
  struct State;
  explicit FdBroker(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace skep::objects
