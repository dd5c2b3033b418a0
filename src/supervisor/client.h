// Client: one thread of the supervised tree, stopped in one trapped syscall.
//
// Made by a worker for each notification, used by that worker alone, gone when the syscall is answered. What
// it reads from the thread counts only while the notification is alive: memory and fds are reached through
// a thread id, which the kernel may give to another process once the client dies, so every method that
// opens something by thread id asks the kernel afterwards whether the notification still stands (ESRCH).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "helpers/run_context.h"
#include "supervisor/listener.h"

namespace skep::supervisor {

// Identity of an open file, the same for all its duplicates.
struct FileIdentity {
  uint64_t device = 0, inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

class Client {
 public:
  Client(Listener& listener, const Notification& notification)
      : listener_(listener), notification_(notification) {}

  const Notification& notification() const { return notification_; }
  int nr() const { return notification_.nr; }
  uint64_t arg(int index) const { return notification_.args[index]; }
  int fd_arg(int index) const { return static_cast<int>(notification_.args[index]); }
  uint32_t tid() const { return notification_.tid; }
  Result<uint32_t> tgid();  // ESRCH

  // Thread, process, effective uid and gid, comm; asked once. The cgroup id is filled by Tasks.
  Result<helpers::TaskInfo> task();  // ESRCH

  // True while the client still waits in this very syscall.
  bool alive() const;

  Status read(uint64_t address, std::span<std::byte> out);          // EFAULT
  Status write(uint64_t address, std::span<const std::byte> data);  // EFAULT
  template <class T>
  Result<T> read_object(uint64_t address) {
    T value;
    SKEP_TRY(read(address, std::as_writable_bytes(std::span(&value, 1))));
    return value;
  }
  template <class T>
  Status write_object(uint64_t address, const T& value) {
    return write(address, std::as_bytes(std::span(&value, 1)));
  }
  // A NUL-terminated string, cut at `limit` bytes.
  Result<std::string> read_string(uint64_t address, size_t limit);  // EFAULT
  // A path argument: ENAMETOOLONG past PATH_MAX, as the kernel's getname. "" is returned as such.
  Result<std::string> read_path(uint64_t address);

  // Our own duplicate of the client's fd (pidfd_getfd). EBADF; EPERM where the container forbids it.
  Result<UniqueFd> duplicate_fd(int fd);
  // Puts a duplicate of `fd` into the client and leaves the syscall waiting. The number in the client.
  Result<int> install_fd(int fd, bool close_on_exec);
  Status install_fd_at(int fd, int client_fd, bool close_on_exec);  // replaces client_fd, as dup2

  // "/proc/TID/NAME", for root, cwd, fd/N, fdinfo/N. Valid while alive().
  std::string proc(std::string_view name) const;

  Listener& listener() { return listener_; }

 private:
  Status open_pidfd();
  Status learn_process();  // fills task_ and tgid

  Listener& listener_;
  Notification notification_;
  UniqueFd pidfd_;  // of the thread where the kernel has such (6.9), else of the process
  std::optional<helpers::TaskInfo> task_;
  bool has_comm_ = false;
};

Result<FileIdentity> identity_of(int fd);

}  // namespace skep::supervisor
