#include "supervisor/client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/limits.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "supervisor/proc.h"

namespace skep::supervisor {

namespace {

constexpr unsigned kPidfdThread = O_EXCL;  // PIDFD_THREAD, since 6.9
constexpr size_t kPageSize = 4096;

}  // namespace

bool Client::alive() const { return listener_.valid(notification_.id); }

Status Client::open_pidfd() {
  if (pidfd_) return {};
  int fd = static_cast<int>(::syscall(SYS_pidfd_open, tid(), kPidfdThread));
  if (fd < 0 && errno == EINVAL) {
    const uint32_t process = SKEP_TRY(tgid());
    fd = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
  }
  if (fd < 0) return fail_last();
  pidfd_.reset(fd);
  if (!alive()) return fail(ESRCH);
  return {};
}

Status Client::learn_process() {
  if (task_) return {};
  helpers::TaskInfo task = SKEP_TRY(read_task(tid()));
  if (!alive()) return fail(ESRCH);
  task_ = task;
  return {};
}

Result<uint32_t> Client::tgid() {
  SKEP_TRY(learn_process());
  return task_->tgid;
}

Result<helpers::TaskInfo> Client::task() {
  SKEP_TRY(learn_process());
  if (!has_comm_) {
    read_comm(tid(), task_->comm);
    if (!alive()) return fail(ESRCH);
    has_comm_ = true;
  }
  return *task_;
}

Status Client::read(uint64_t address, std::span<std::byte> out) {
  if (out.empty()) return {};
  iovec local{out.data(), out.size()};
  iovec remote{reinterpret_cast<void*>(address), out.size()};
  const ssize_t count = ::process_vm_readv(static_cast<pid_t>(tid()), &local, 1, &remote, 1, 0);
  if (count != static_cast<ssize_t>(out.size()) || !alive()) return fail(EFAULT);
  return {};
}

Status Client::write(uint64_t address, std::span<const std::byte> data) {
  if (data.empty()) return {};
  // Before the write, not after: a stranger who got the thread id must not be written to.
  if (!alive()) return fail(EFAULT);
  iovec local{const_cast<std::byte*>(data.data()), data.size()};
  iovec remote{reinterpret_cast<void*>(address), data.size()};
  const ssize_t count = ::process_vm_writev(static_cast<pid_t>(tid()), &local, 1, &remote, 1, 0);
  if (count != static_cast<ssize_t>(data.size())) return fail(EFAULT);
  return {};
}

Result<std::string> Client::read_string(uint64_t address, size_t limit) {
  std::string text;
  while (text.size() < limit) {
    // Never across a page in one read: the string may end just before an unmapped one.
    const size_t in_page = kPageSize - address % kPageSize;
    char chunk[256];
    const size_t size = std::min({sizeof chunk, in_page, limit - text.size()});
    SKEP_TRY(read(address, std::as_writable_bytes(std::span(chunk, size))));
    const size_t length = ::strnlen(chunk, size);
    text.append(chunk, length);
    if (length < size) return text;
    address += size;
  }
  return text;
}

Result<std::string> Client::read_path(uint64_t address) {
  std::string path = SKEP_TRY(read_string(address, PATH_MAX));
  if (path.size() >= PATH_MAX) return fail(ENAMETOOLONG);
  return path;
}

Result<UniqueFd> Client::duplicate_fd(int fd) {
  if (fd < 0) return fail(EBADF);
  if (auto opened = open_pidfd(); !opened) return fail(opened.error().code);
  UniqueFd copy(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd_.get(), fd, 0)));
  if (!copy) return fail_last();
  return copy;
}

Result<int> Client::install_fd(int fd, bool close_on_exec) {
  return listener_.add_fd(notification_.id, fd, close_on_exec);
}

Status Client::install_fd_at(int fd, int client_fd, bool close_on_exec) {
  SKEP_TRY(listener_.add_fd(notification_.id, fd, close_on_exec, client_fd));
  return {};
}

std::string Client::proc(std::string_view name) const { return fmt::format("/proc/{}/{}", tid(), name); }

Result<FileIdentity> identity_of(int fd) {
  struct stat status;
  if (::fstat(fd, &status) != 0) return fail_last();
  return FileIdentity{status.st_dev, status.st_ino};
}

}  // namespace skep::supervisor
