// TestEnvironment: the inputs of a run that must repeat bit for bit: a seeded generator, a clock that
// advances by a fixed step at each reading, a fixed task. `skep test` runs programs in it.
#pragma once

#include <string>

#include "helpers/run_context.h"

namespace skep::cli {

class TestEnvironment final : public helpers::RunEnvironment {
 public:
  uint64_t now_ns(Clock clock) override;
  uint32_t random_u32() override;
  const helpers::TaskInfo& task() override { return task_; }
  Status read_user(uint64_t address, std::span<std::byte> out) override;
  Status write_user(uint64_t address, std::span<const std::byte> data) override;
  void trace_print(std::string_view text) override;
  uint64_t ancestor_cgroup_id(int level) override { return level == 0 ? task_.cgroup_id : 0; }

  const std::string& printed() const { return printed_; }

 private:
  uint64_t clock_ns_ = 1'000'000'000;
  uint64_t random_state_ = 0x9e3779b97f4a7c15;
  helpers::TaskInfo task_ = {.pid = 1, .tgid = 1, .uid = 0, .gid = 0, .comm = "skep-test", .cgroup_id = 1};
  std::string printed_;
};

}  // namespace skep::cli
