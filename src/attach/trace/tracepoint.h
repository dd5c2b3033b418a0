// Tracepoint: one row of what can be traced, and its `format` file. Rows come from tracepoints.def and, for
// syscalls:sys_enter_X and sys_exit_X, from syscalls.def.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skep::attach {

// A field behind the eight common bytes.
struct TracepointField {
  std::string_view declaration;  // "const char * filename"
  uint16_t offset;
  uint16_t size;
  bool is_signed;
};

// What the event's programs get.
enum class TracepointKind : uint8_t {
  kSyscallEnter,
  kSyscallExit,
  kRawSyscallEnter,
  kRawSyscallExit,
  kExec,
  kFork,
  kExit,
  kTracePrintk
};

struct Tracepoint {
  uint32_t id = 0;
  std::string_view system;  // "syscalls"
  std::string name;         // "sys_enter_openat"
  TracepointKind kind{};
  int syscall = -1;  // number, for kSyscallEnter and kSyscallExit
  std::vector<TracepointField> fields;
  std::string print_format;  // what stands behind "print fmt: "
  uint32_t raw_args = 0;     // arguments of the raw tracepoint; 0: there is none of this name
};

std::span<const Tracepoint> all_tracepoints();
const Tracepoint* find_tracepoint(uint32_t id);
const Tracepoint* find_tracepoint(std::string_view system, std::string_view name);
// For BPF_RAW_TRACEPOINT_OPEN: tracepoints have one name space there ("sys_enter", "sched_process_exec").
const Tracepoint* find_raw_tracepoint(std::string_view name);
// The contents of the tracepoint's `format` file, as Linux prints it.
std::string format_file(const Tracepoint& tracepoint);
std::string_view syscall_name(uint64_t nr);  // "" when unknown

}  // namespace skep::attach
