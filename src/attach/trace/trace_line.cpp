#include "attach/trace/trace_line.h"

#include <cstring>

#include <fmt/format.h>

namespace skep::attach {

std::string trace_line(const helpers::TaskInfo& task, uint32_t cpu, uint64_t now_ns, std::string_view text) {
  // What Linux shows for a program that runs in a system call: interrupts on, no reschedule pending,
  // preemption disabled twice (the tracepoint and the program), migration disabled once.
  constexpr std::string_view kFlags = "...21";
  constexpr uint64_t kMicrosecond = 1'000, kSecond = 1'000'000'000;
  // Rounded as the ring buffer's time is.
  const uint64_t now = (now_ns + kMicrosecond / 2) / kMicrosecond * kMicrosecond;
  const std::string_view comm(task.comm, strnlen(task.comm, sizeof(task.comm)));
  return fmt::format("{:>16}-{:<7} [{:03}] {} {:>5}.{:06}: bpf_trace_printk: {}{}", comm, task.pid, cpu,
                     kFlags, now / kSecond, now % kSecond / kMicrosecond, text,
                     text.ends_with('\n') ? "" : "\n");
}

std::string trace_header() {
  return "# tracer: nop\n"
         "#\n"
         "# entries-in-buffer/entries-written: 0/0   #P:1\n"
         "#\n"
         "#                                _-----=> irqs-off/BH-disabled\n"
         "#                               / _----=> need-resched\n"
         "#                              | / _---=> hardirq/softirq\n"
         "#                              || / _--=> preempt-depth\n"
         "#                              ||| / _-=> migrate-disable\n"
         "#                              |||| /     delay\n"
         "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
         "#              | |         |   |||||     |         |\n";
}

}  // namespace skep::attach
