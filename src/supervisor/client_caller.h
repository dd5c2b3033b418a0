// ClientCaller: a client as the caller of bpf(2).
#pragma once

#include "supervisor/environment.h"
#include "syscall/caller.h"

namespace skep::supervisor {

class ClientCaller final : public syscall::Caller {
 public:
  ClientCaller(Supervisor& supervisor, Client& client)
      : supervisor_(supervisor), client_(client), environment_(supervisor, client) {}

  Status read(uint64_t address, std::span<std::byte> out) override { return client_.read(address, out); }
  Status write(uint64_t address, std::span<const std::byte> data) override {
    return client_.write(address, data);
  }
  Result<std::string> read_string(uint64_t address, size_t limit) override {
    return client_.read_string(address, limit);
  }
  syscall::Credentials credentials() override;
  const helpers::TaskInfo& task() override { return environment_.task(); }
  helpers::RunEnvironment& environment() override { return environment_; }
  bool interrupted() override;
  Result<objects::FdObject> object(int fd) override;
  Result<int> install(objects::Object object, objects::FdMode mode) override;
  Result<int> install_notifier(std::function<void()> closed) override;
  Result<Ref<attach::Cgroup>> cgroup(int fd) override;
  Status pin(int directory_fd, const std::string& path, objects::Object object) override;
  Result<objects::FdObject> get_pinned(int directory_fd, const std::string& path) override;
  Result<objects::Object> object_of(uint32_t pid, int fd) override;

 private:
  Supervisor& supervisor_;
  Client& client_;
  ClientEnvironment environment_;
};

// The object that a client's fd stands for. EBADF: no such fd; EINVAL: some other file.
Result<objects::FdObject> client_object(Supervisor& supervisor, Client& client, int fd);

}  // namespace skep::supervisor
