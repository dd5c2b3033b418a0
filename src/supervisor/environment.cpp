#include "supervisor/environment.h"

#include <sched.h>
#include <sys/random.h>
#include <time.h>

#include "attach/trace/trace_line.h"
#include "supervisor/supervisor.h"

namespace skep::supervisor {

namespace {

uint64_t clock_ns(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// The virtual kernel's HZ. Linux starts its jiffies five minutes before they wrap in 32 bits.
constexpr uint64_t kTicksPerSecond = 250;
constexpr uint64_t kInitialJiffies = static_cast<uint32_t>(-300 * static_cast<int64_t>(kTicksPerSecond));

}  // namespace

const Ref<attach::Cgroup>& ClientEnvironment::cgroup() {
  if (!cgroup_) {
    if (const auto known = client_.task()) task_ = *known;
    cgroup_ = supervisor_.tasks().cgroup_of(task_.tgid);
    task_.cgroup_id = cgroup_->id();
  }
  return cgroup_;
}

const helpers::TaskInfo& ClientEnvironment::task() {
  cgroup();
  return task_;
}

uint64_t ClientEnvironment::now_ns(Clock clock) {
  switch (clock) {
    case Clock::kMonotonic:
      return clock_ns(CLOCK_MONOTONIC);
    case Clock::kBoottime:
      return clock_ns(CLOCK_BOOTTIME);
    case Clock::kTai:
      return clock_ns(CLOCK_TAI);
    case Clock::kMonotonicCoarse:
      return clock_ns(CLOCK_MONOTONIC_COARSE);
    case Clock::kJiffies:
      return kInitialJiffies + clock_ns(CLOCK_MONOTONIC) / (1'000'000'000 / kTicksPerSecond);
  }
  return 0;
}

uint32_t ClientEnvironment::random_u32() {
  uint32_t value = 0;
  if (::getrandom(&value, sizeof value, GRND_NONBLOCK) != sizeof value)
    value = static_cast<uint32_t>(clock_ns(CLOCK_MONOTONIC));
  return value;
}

void ClientEnvironment::trace_print(std::string_view text) {
  const int cpu = ::sched_getcpu();
  supervisor_.trace().print(
      attach::trace_line(task(), cpu < 0 ? 0 : static_cast<uint32_t>(cpu), clock_ns(CLOCK_MONOTONIC), text));
}

uint64_t ClientEnvironment::ancestor_cgroup_id(int level) {
  const attach::Cgroup* node = cgroup().get();
  if (level < 0 || level > node->level()) return 0;
  while (node->level() > level) node = node->parent().get();
  return node->id();
}

}  // namespace skep::supervisor
