// ClientEnvironment: the inputs of programs that run on behalf of a client: real time, its task, its memory.
#pragma once

#include "attach/cgroup/cgroup.h"
#include "helpers/run_context.h"
#include "supervisor/client.h"

namespace skep::supervisor {

class Supervisor;

class ClientEnvironment final : public helpers::RunEnvironment {
 public:
  ClientEnvironment(Supervisor& supervisor, Client& client) : supervisor_(supervisor), client_(client) {}

  uint64_t now_ns(Clock clock) override;
  uint32_t random_u32() override;
  const helpers::TaskInfo& task() override;  // learned when first asked for
  Status read_user(uint64_t address, std::span<std::byte> out) override { return client_.read(address, out); }
  Status write_user(uint64_t address, std::span<const std::byte> data) override {
    return client_.write(address, data);
  }
  void trace_print(std::string_view text) override;
  uint64_t ancestor_cgroup_id(int level) override;

  // The cgroup that the task was in when first asked for.
  const Ref<attach::Cgroup>& cgroup();

 private:
  Supervisor& supervisor_;
  Client& client_;
  helpers::TaskInfo task_;
  Ref<attach::Cgroup> cgroup_;
};

}  // namespace skep::supervisor
