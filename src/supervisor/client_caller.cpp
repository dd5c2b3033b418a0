#include "supervisor/client_caller.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

#include "supervisor/blocking.h"
#include "supervisor/proc.h"
#include "supervisor/supervisor.h"

namespace skep::supervisor {

using objects::FdMode;
using objects::FdObject;
using objects::Object;

namespace {

constexpr int kNotSupported = 524;  // the kernel's own ENOTSUPP, which TASK_FD_QUERY shows to clients

// The inode and the open flags of fd N of a process, where pidfd_getfd is forbidden: /proc tells both.
Result<FdObject> object_by_proc(const objects::FdBroker& broker, const std::string& process, int fd) {
  struct stat status;
  if (::stat(fmt::format("{}/fd/{}", process, fd).c_str(), &status) != 0)
    return fail(errno == ENOENT ? EBADF : errno);
  const auto info = read_small_file(fmt::format("{}/fdinfo/{}", process, fd));
  if (!info) return fail(EBADF);
  const long flags = std::strtol(status_field(*info, "flags:").c_str(), nullptr, 8);
  const auto found = broker.find({status.st_dev, status.st_ino}, static_cast<int>(flags));
  if (!found) return fail(EINVAL);
  return *found;
}

}  // namespace

Result<FdObject> client_object(Supervisor& supervisor, Client& client, int fd) {
  if (fd < 0) return fail(EBADF);
  const auto copy = client.duplicate_fd(fd);
  if (copy) return supervisor.broker().find(copy->get());
  if (copy.error().code != EPERM && copy.error().code != ENOSYS) return fail(copy.error().code);
  auto found = object_by_proc(supervisor.broker(), fmt::format("/proc/{}", client.tid()), fd);
  if (!client.alive()) return fail(EBADF);
  return found;
}

syscall::Credentials ClientCaller::credentials() {
  syscall::Credentials credentials;
  credentials.uid = environment_.task().uid;
  // Who has our user id is root in the virtual kernel. A privileged supervisor may have clients that have
  // given up their user id and are held by a policy: they get what their capabilities give on Linux.
  if (credentials.uid == ::geteuid()) return credentials;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, static_cast<int>(client_.tid())};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, data) != 0) data[0] = data[1] = {};
  const auto has = [&data](int capability) {
    return (data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
  };
  credentials.sys_admin = has(CAP_SYS_ADMIN);
  credentials.bpf = credentials.sys_admin || has(CAP_BPF);
  credentials.perfmon = credentials.sys_admin || has(CAP_PERFMON);
  credentials.net_admin = credentials.sys_admin || has(CAP_NET_ADMIN);
  return credentials;
}

bool ClientCaller::interrupted() { return !client_.alive() || has_signal(client_); }

Result<FdObject> ClientCaller::object(int fd) { return client_object(supervisor_, client_, fd); }

Result<int> ClientCaller::install(Object object, FdMode mode) {
  const objects::BrokeredFd made = SKEP_TRY(supervisor_.broker().make_fd(std::move(object), mode));
  return client_.install_fd(made.fd.get(), true);
}

Result<int> ClientCaller::install_notifier(std::function<void()> closed) {
  const UniqueFd fd = SKEP_TRY(supervisor_.hangups().make_fd(std::move(closed)));
  return client_.install_fd(fd.get(), true);
}

Result<Ref<attach::Cgroup>> ClientCaller::cgroup(int fd) {
  struct stat status;
  if (fd < 0 || ::stat(client_.proc(fmt::format("fd/{}", fd)).c_str(), &status) != 0 || !client_.alive())
    return fail(EBADF);
  return supervisor_.files().cgroup_of_directory({status.st_dev, status.st_ino});
}

Status ClientCaller::pin(int directory_fd, const std::string& path, Object object) {
  return supervisor_.files().pin(client_, directory_fd, path, std::move(object));
}

Result<FdObject> ClientCaller::get_pinned(int directory_fd, const std::string& path) {
  return supervisor_.files().get_pinned(client_, directory_fd, path);
}

Result<Object> ClientCaller::object_of(uint32_t pid, int fd) {
  const std::string process = fmt::format("/proc/{}", pid);
  if (pid == static_cast<uint32_t>(::getpid())) return fail(kNotSupported);  // our ends are no client's
  if (::access(process.c_str(), F_OK) != 0) return fail(ENOENT);
  auto found = object_by_proc(supervisor_.broker(), process, fd);
  if (found) return std::move(found->object);
  // A process that is not ours to look into holds none of our objects.
  return fail(found.error().code == EBADF ? EBADF : kNotSupported);
}

}  // namespace skep::supervisor
