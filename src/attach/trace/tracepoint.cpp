#include "attach/trace/tracepoint.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace skep::attach {
namespace {

// Ids below are left to tracepoints.def; each system call has two above it, by its number, so that ids stay
// when rows are added.
constexpr uint32_t kFirstId = 100;
constexpr uint32_t kFirstSyscallId = 1000;
constexpr uint16_t kFirstArgument = 16;  // behind the number, eight bytes each

struct Event {
  std::string_view system, name;
  TracepointKind kind;
  uint32_t raw_args;
  std::string_view print_format;
  std::vector<TracepointField> fields;
};

struct Syscall {
  int number;
  std::string_view name;
  std::vector<std::string_view> arguments;

  template <class... Arguments>
  Syscall(int nr, std::string_view entry, Arguments... args) : number(nr), name(entry), arguments{args...} {}
};

const std::vector<Event>& events() {
  static const std::vector<Event> all = {
#define FIELD(declaration, offset, size, is_signed) \
  TracepointField { declaration, offset, size, is_signed }
#define TRACEPOINT(system, name, kind, raw_args, print_format, ...) \
  {system, name, TracepointKind::kind, raw_args, print_format, {__VA_ARGS__}},
#include "attach/trace/tracepoints.def"
#undef TRACEPOINT
#undef FIELD
  };
  return all;
}

const std::vector<Syscall>& syscalls() {
  static const std::vector<Syscall> all = {
#define SYSCALL(...) Syscall(__VA_ARGS__),
#include "attach/trace/syscalls.def"
#undef SYSCALL
  };
  return all;
}

std::string_view variable_of(std::string_view declaration) {
  return declaration.substr(declaration.rfind(' ') + 1);
}

const TracepointField kNumberField = {"int __syscall_nr", 8, 4, true};

Tracepoint enter_of(const Syscall& call) {
  Tracepoint enter{.id = kFirstSyscallId + 2 * static_cast<uint32_t>(call.number) + 1,
                   .system = "syscalls",
                   .name = fmt::format("sys_enter_{}", call.name),
                   .kind = TracepointKind::kSyscallEnter,
                   .syscall = call.number,
                   .fields = {kNumberField},
                   .print_format = {}};
  std::string format, values;
  for (uint16_t i = 0; i < call.arguments.size(); ++i) {
    const std::string_view variable = variable_of(call.arguments[i]);
    enter.fields.push_back({call.arguments[i], static_cast<uint16_t>(kFirstArgument + 8 * i), 8, false});
    format += fmt::format("{}{}: 0x%08lx", i == 0 ? "" : ", ", variable);
    values += fmt::format(", ((unsigned long)(REC->{}))", variable);
  }
  enter.print_format = fmt::format("\"{}\"{}", format, values);
  return enter;
}

Tracepoint exit_of(const Syscall& call) {
  return {.id = kFirstSyscallId + 2 * static_cast<uint32_t>(call.number),
          .system = "syscalls",
          .name = fmt::format("sys_exit_{}", call.name),
          .kind = TracepointKind::kSyscallExit,
          .syscall = call.number,
          .fields = {kNumberField, {"long ret", 16, 8, true}},
          .print_format = "\"0x%lx\", REC->ret"};
}

std::vector<Tracepoint> make_all() {
  std::vector<Tracepoint> all;
  uint32_t id = kFirstId;
  for (const Event& event : events())
    all.push_back({.id = id++,
                   .system = event.system,
                   .name = std::string(event.name),
                   .kind = event.kind,
                   .syscall = -1,
                   .fields = event.fields,
                   .print_format = std::string(event.print_format),
                   .raw_args = event.raw_args});
  for (const Syscall& call : syscalls()) {
    all.push_back(exit_of(call));
    all.push_back(enter_of(call));
  }
  return all;
}

// Searches by binary search need the order of ids, which make_all keeps.
const std::vector<Tracepoint>& list() {
  static const std::vector<Tracepoint> all = make_all();
  return all;
}

std::string field_line(const TracepointField& field) {
  return fmt::format("\tfield:{};\toffset:{};\tsize:{};\tsigned:{:d};\n", field.declaration, field.offset,
                     field.size, field.is_signed);
}

}  // namespace

std::span<const Tracepoint> all_tracepoints() { return list(); }

const Tracepoint* find_tracepoint(uint32_t id) {
  const auto found = std::ranges::lower_bound(list(), id, {}, &Tracepoint::id);
  return found != list().end() && found->id == id ? &*found : nullptr;
}

const Tracepoint* find_tracepoint(std::string_view system, std::string_view name) {
  const auto found =
      std::ranges::find_if(list(), [&](const Tracepoint& t) { return t.system == system && t.name == name; });
  return found == list().end() ? nullptr : &*found;
}

const Tracepoint* find_raw_tracepoint(std::string_view name) {
  const auto found =
      std::ranges::find_if(list(), [&](const Tracepoint& t) { return t.raw_args != 0 && t.name == name; });
  return found == list().end() ? nullptr : &*found;
}

std::string format_file(const Tracepoint& tracepoint) {
  static constexpr std::array<TracepointField, 4> kCommon = {
      {{"unsigned short common_type", 0, 2, false},
       {"unsigned char common_flags", 2, 1, false},
       {"unsigned char common_preempt_count", 3, 1, false},
       {"int common_pid", 4, 4, true}}};
  std::string text = fmt::format("name: {}\nID: {}\nformat:\n", tracepoint.name, tracepoint.id);
  for (const TracepointField& field : kCommon) text += field_line(field);
  text += '\n';
  for (const TracepointField& field : tracepoint.fields) text += field_line(field);
  text += fmt::format("\nprint fmt: {}\n", tracepoint.print_format);
  return text;
}

std::string_view syscall_name(uint64_t nr) {
  const auto found = std::ranges::lower_bound(
      syscalls(), nr, {}, [](const Syscall& s) { return static_cast<uint64_t>(s.number); });
  return found != syscalls().end() && static_cast<uint64_t>(found->number) == nr ? found->name
                                                                                 : std::string_view();
}

}  // namespace skep::attach
