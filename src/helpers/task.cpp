// Helpers on the task on whose behalf the program runs, and on the run itself.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "helpers/impl.h"

namespace skep::helpers {
namespace {

uint64_t send(uint64_t signal, bool thread_only, RunContext& run) {
  constexpr uint32_t kLastSignal = 64;
  const auto number = static_cast<uint32_t>(signal);
  const int error =
      number > kLastSignal ? -EINVAL : run.env->send_signal(static_cast<int>(number), thread_only);
  return static_cast<uint64_t>(int64_t{error});
}

}  // namespace

uint64_t get_current_pid_tgid(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  const TaskInfo& task = run.env->task();
  return uint64_t{task.tgid} << 32 | task.pid;
}

uint64_t get_current_uid_gid(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  const TaskInfo& task = run.env->task();
  return uint64_t{task.gid} << 32 | task.uid;
}

// The rest of the buffer is cleared, so that nothing of what lay there looks like a name.
uint64_t get_current_comm(uint64_t buffer, uint64_t size, uint64_t, uint64_t, uint64_t, RunContext& run) {
  auto* out = reinterpret_cast<char*>(buffer);
  const TaskInfo& task = run.env->task();
  const size_t length = std::min<size_t>(strnlen(task.comm, sizeof(task.comm)), size - 1);
  memcpy(out, task.comm, length);
  memset(out + length, 0, size - length);
  return 0;
}

// An address that only names the task: nothing can be read there, and it is never 0.
uint64_t get_current_task(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  constexpr uint64_t kDirectMap = 0xffff888000000000;
  constexpr uint64_t kTaskSize = 1 << 14;
  return kDirectMap + kTaskSize * (uint64_t{run.env->task().pid} + 1);
}

uint64_t get_current_cgroup_id(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return run.env->task().cgroup_id;
}

uint64_t get_current_ancestor_cgroup_id(uint64_t level, uint64_t, uint64_t, uint64_t, uint64_t,
                                        RunContext& run) {
  const int wanted = static_cast<int>(level);
  return wanted < 0 ? 0 : run.env->ancestor_cgroup_id(wanted);
}

uint64_t send_signal(uint64_t signal, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return send(signal, false, run);
}

uint64_t send_signal_thread(uint64_t signal, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return send(signal, true, run);
}

uint64_t get_attach_cookie(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return run.attach_cookie;
}

uint64_t get_retval(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  return static_cast<uint64_t>(int64_t{run.retval});
}

uint64_t set_retval(uint64_t retval, uint64_t, uint64_t, uint64_t, uint64_t, RunContext& run) {
  run.retval = static_cast<int32_t>(retval);
  return 0;
}

}  // namespace skep::helpers
