#include "supervisor/files/tracing_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "attach/trace/tracepoint.h"
#include "base/unique_fd.h"

namespace skep::supervisor {
namespace {

struct StaticFile {
  std::string_view name;
  mode_t mode;
  std::string_view text;
};

constexpr StaticFile kFiles[] = {
    {"available_tracers", 0444, "nop\n"},
    {"current_tracer", 0644, "nop\n"},
    {"kprobe_events", 0644, ""},
    {"set_event", 0644, ""},
    {"trace", 0644, ""},
    {"trace_clock", 0644, "[local] global counter mono\n"},
    {"trace_options", 0444, ""},
    {"trace_pipe", 0444, ""},
    {"tracing_on", 0644, "1\n"},
    {"uprobe_events", 0644, ""},
};

Status make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return fail_last();
  return {};
}

Status make_file(const std::string& path, mode_t mode, std::string_view text) {
  const UniqueFd file(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, mode));
  if (!file || ::write(file.get(), text.data(), text.size()) < 0) return fail_last();
  return {};
}

}  // namespace

Status make_tracing_tree(const std::string& directory) {
  SKEP_TRY(make_directory(directory));
  SKEP_TRY(make_directory(directory + "/events"));
  for (const StaticFile& file : kFiles)
    SKEP_TRY(make_file(directory + "/" + std::string(file.name), file.mode, file.text));
  std::string available;
  for (const attach::Tracepoint& tracepoint : attach::all_tracepoints()) {
    available += fmt::format("{}:{}\n", tracepoint.system, tracepoint.name);
    const std::string system = fmt::format("{}/events/{}", directory, tracepoint.system);
    const std::string event = system + "/" + tracepoint.name;
    SKEP_TRY(make_directory(system));
    SKEP_TRY(make_directory(event));
    SKEP_TRY(make_file(event + "/id", 0444, fmt::format("{}\n", tracepoint.id)));
    SKEP_TRY(make_file(event + "/format", 0444, attach::format_file(tracepoint)));
    SKEP_TRY(make_file(event + "/enable", 0644, "0\n"));
  }
  return make_file(directory + "/available_events", 0444, available);
}

}  // namespace skep::supervisor
