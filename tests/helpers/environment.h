// A RunEnvironment for tests: fixed answers, lines kept.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "helpers/run_context.h"

namespace skep::testing {

class FixedEnvironment final : public helpers::RunEnvironment {
 public:
  uint64_t now_ns(Clock) override { return 1234567890; }
  uint32_t random_u32() override { return 4; }
  const helpers::TaskInfo& task() override { return task_; }
  Status read_user(uint64_t address, std::span<std::byte> out) override {
    if (address < user_base_ || address + out.size() > user_base_ + user_.size()) return fail(EFAULT);
    memcpy(out.data(), user_.data() + (address - user_base_), out.size());
    return {};
  }
  Status write_user(uint64_t, std::span<const std::byte>) override { return fail(EFAULT); }
  void trace_print(std::string_view text) override { lines_.emplace_back(text); }
  uint64_t ancestor_cgroup_id(int level) override { return level == 0 ? 1 : 0; }

  helpers::TaskInfo task_{.pid = 7, .tgid = 6, .uid = 1000, .gid = 100, .comm = "tester", .cgroup_id = 42};
  uint64_t user_base_ = 0x10000;
  std::string user_;
  std::vector<std::string> lines_;
};

}  // namespace skep::testing
