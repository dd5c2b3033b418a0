// LocalCaller: our own process as the caller of bpf(2): libskep, `skep verify`, `skep test`, the tests.
//
// Memory is our own, read through the kernel so that a bad pointer is EFAULT. Objects are real fds
// (FdBroker); pins are names in a table, matched by path text.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "objects/fd_broker.h"
#include "objects/map_state.h"
#include "syscall/caller.h"

namespace skep::syscall {

class LocalCaller : public Caller {
 public:
  // Reads time, randomness and task of this process through `environment`; both outlive the caller.
  static Result<std::unique_ptr<LocalCaller>> create(helpers::RunEnvironment& environment);
  ~LocalCaller() override;

  void set_credentials(const Credentials& credentials) { credentials_ = credentials; }
  // Makes an fd that stands for a cgroup, for PROG_ATTACH and LINK_CREATE; close-on-exec.
  Result<int> open_cgroup(const Ref<attach::Cgroup>& cgroup);
  Status unpin(const std::string& path);  // ENOENT
  objects::FdBroker& broker() { return *broker_; }

  Status read(uint64_t address, std::span<std::byte> out) override;
  Status write(uint64_t address, std::span<const std::byte> data) override;
  Result<std::string> read_string(uint64_t address, size_t limit) override;
  Credentials credentials() override { return credentials_; }
  const helpers::TaskInfo& task() override { return environment_.task(); }
  helpers::RunEnvironment& environment() override { return environment_; }
  Result<FdObject> object(int fd) override;
  Result<int> install(objects::Object object, FdMode mode) override;
  Result<int> install_notifier(std::function<void()> closed) override;
  Result<Ref<attach::Cgroup>> cgroup(int fd) override;
  Status pin(int directory_fd, const std::string& path, objects::Object object) override;
  Result<FdObject> get_pinned(int directory_fd, const std::string& path) override;
  Result<objects::Object> object_of(uint32_t pid, int fd) override;

 private:
  LocalCaller(helpers::RunEnvironment& environment, std::string directory,
              std::unique_ptr<objects::FdBroker> broker);

  helpers::RunEnvironment& environment_;
  std::string directory_;
  std::unique_ptr<objects::FdBroker> broker_;
  Credentials credentials_;
  std::mutex mutex_;
  std::map<std::string, objects::UserReference> pins_;
  std::map<objects::FdIdentity, Ref<attach::Cgroup>> cgroups_;
};

}  // namespace skep::syscall
