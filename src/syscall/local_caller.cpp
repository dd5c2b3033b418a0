#include "syscall/local_caller.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include <fmt/format.h>

#include "objects/kernel.h"

namespace skep::syscall {
namespace {

// Our own memory through the kernel: a bad address is an error, not a signal.
Status copy_own_memory(const void* from, void* to, size_t size, bool reading) {
  iovec ours = {reading ? to : const_cast<void*>(from), size};
  iovec theirs = {reading ? const_cast<void*>(from) : to, size};
  const ssize_t done = reading ? process_vm_readv(getpid(), &ours, 1, &theirs, 1, 0)
                               : process_vm_writev(getpid(), &ours, 1, &theirs, 1, 0);
  if (done != static_cast<ssize_t>(size)) return fail(EFAULT);
  return {};
}

Result<objects::FdIdentity> identity_of(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0) return fail(EBADF);
  return objects::FdIdentity{status.st_dev, status.st_ino};
}

}  // namespace

Result<std::unique_ptr<LocalCaller>> LocalCaller::create(helpers::RunEnvironment& environment) {
  const char* base = std::getenv("TMPDIR");
  std::string directory = fmt::format("{}/skep-XXXXXX", base != nullptr ? base : "/tmp");
  if (mkdtemp(directory.data()) == nullptr) return fail_last();
  auto broker = objects::FdBroker::create(directory, true);
  if (!broker) {
    rmdir(directory.c_str());
    return std::unexpected(broker.error());
  }
  return std::unique_ptr<LocalCaller>(new LocalCaller(environment, std::move(directory), *std::move(broker)));
}

LocalCaller::LocalCaller(helpers::RunEnvironment& environment, std::string directory,
                         std::unique_ptr<objects::FdBroker> broker)
    : environment_(environment), directory_(std::move(directory)), broker_(std::move(broker)) {}

LocalCaller::~LocalCaller() {
  broker_.reset();
  rmdir(directory_.c_str());
}

Status LocalCaller::read(uint64_t address, std::span<std::byte> out) {
  if (out.empty()) return {};
  return copy_own_memory(reinterpret_cast<const void*>(address), out.data(), out.size(), true);
}

Status LocalCaller::write(uint64_t address, std::span<const std::byte> data) {
  if (data.empty()) return {};
  return copy_own_memory(data.data(), reinterpret_cast<void*>(address), data.size(), false);
}

Result<std::string> LocalCaller::read_string(uint64_t address, size_t limit) {
  constexpr size_t kPage = 4096;
  std::string text;
  while (text.size() < limit) {
    // Never across a page: the next one may not be there, and the string may end before it.
    const uint64_t at = address + text.size();
    std::array<std::byte, kPage> chunk;
    const size_t size = std::min(limit - text.size(), kPage - at % kPage);
    SKEP_TRY(read(at, std::span(chunk).first(size)));
    const auto* begin = reinterpret_cast<const char*>(chunk.data());
    const auto* end = std::find(begin, begin + size, '\0');
    text.append(begin, end);
    if (end != begin + size) break;
  }
  return text;
}

Result<FdObject> LocalCaller::object(int fd) { return broker_->find(fd); }

Result<int> LocalCaller::install(objects::Object object, FdMode mode) {
  objects::BrokeredFd made = SKEP_TRY(broker_->make_fd(std::move(object), mode));
  return made.fd.release();
}

Result<int> LocalCaller::install_notifier(std::function<void()> closed) {
  objects::BrokeredFd made = SKEP_TRY(broker_->make_notifier_fd("bpf-stats", std::move(closed)));
  return made.fd.release();
}

Result<int> LocalCaller::open_cgroup(const Ref<attach::Cgroup>& cgroup) {
  UniqueFd fd(memfd_create("cgroup", MFD_CLOEXEC));
  if (!fd) return fail_last();
  const objects::FdIdentity identity = SKEP_TRY(identity_of(fd.get()));
  std::lock_guard lock(mutex_);
  cgroups_[identity] = cgroup;
  return fd.release();
}

Result<Ref<attach::Cgroup>> LocalCaller::cgroup(int fd) {
  const objects::FdIdentity identity = SKEP_TRY(identity_of(fd));
  std::lock_guard lock(mutex_);
  const auto found = cgroups_.find(identity);
  if (found == cgroups_.end()) return fail(EBADF);
  return found->second;
}

Status LocalCaller::pin(int, const std::string& path, objects::Object object) {
  std::lock_guard lock(mutex_);
  const bool fresh = pins_.try_emplace(path, std::move(object)).second;
  return fresh ? Status{} : Status(fail(EEXIST));
}

Result<FdObject> LocalCaller::get_pinned(int, const std::string& path) {
  std::lock_guard lock(mutex_);
  const auto found = pins_.find(path);
  if (found == pins_.end()) return fail(ENOENT);
  return FdObject{found->second.object(), FdMode::kReadWrite};
}

Status LocalCaller::unpin(const std::string& path) {
  objects::UserReference dropped;  // outside the lock: the last reference may end a link
  std::lock_guard lock(mutex_);
  const auto found = pins_.find(path);
  if (found == pins_.end()) return fail(ENOENT);
  dropped = std::move(found->second);
  pins_.erase(found);
  return {};
}

Result<objects::Object> LocalCaller::object_of(uint32_t pid, int fd) {
  if (pid != static_cast<uint32_t>(getpid())) return fail(ENOENT);
  if (fcntl(fd, F_GETFD) < 0) return fail(EBADF);
  const auto found = broker_->find(fd);
  if (!found) return fail(maps::kENotSupp);
  return found->object;
}

}  // namespace skep::syscall
