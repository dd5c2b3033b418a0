// PlainEnvironment: the inputs of runs for tests: real time, the test's own task, lines of bpf_trace_printk
// kept.
#pragma once

#include <unistd.h>

#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "helpers/run_context.h"

namespace skep::testing {

class PlainEnvironment final : public helpers::RunEnvironment {
 public:
  PlainEnvironment() {
    task_.pid = task_.tgid = static_cast<uint32_t>(getpid());
    std::strncpy(task_.comm, "test", sizeof(task_.comm));
  }
  uint64_t now_ns(Clock) override {
    timespec now = {};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
  }
  uint32_t random_u32() override { return 4; }
  const helpers::TaskInfo& task() override { return task_; }
  Status read_user(uint64_t, std::span<std::byte>) override { return fail(EFAULT); }
  Status write_user(uint64_t, std::span<const std::byte>) override { return fail(EFAULT); }
  void trace_print(std::string_view text) override { lines.emplace_back(text); }
  uint64_t ancestor_cgroup_id(int) override { return 1; }

  std::vector<std::string> lines;

 private:
  helpers::TaskInfo task_;
};

}  // namespace skep::testing
