#include "cli/run.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "attach/trace/tracepoint.h"
#include "cli/output.h"
#include "supervisor/supervisor.h"

namespace skep::cli {

namespace {

// "--trace read,write" and "--trace all".
Status add_traced(const std::vector<std::string>& names, supervisor::SupervisorOptions& options) {
  for (const std::string& name : names) {
    if (name == "all") {
      options.trace_all = true;
      continue;
    }
    const auto* tracepoint = attach::find_tracepoint("syscalls", "sys_enter_" + name);
    if (tracepoint == nullptr) return fail(EINVAL, fmt::format("--trace: no syscall is called {}", name));
    options.trace.push_back(tracepoint->syscall);
  }
  return {};
}

}  // namespace

void add_run_options(CLI::App& command, RunOptions& options) {
  command
      .add_option(
          "--files", options.files,
          "how /sys/fs/bpf, /sys/fs/cgroup and the like appear: by private mounts, or by translated paths")
      ->check(CLI::IsMember({"mounts", "paths", "auto"}))
      ->type_name("mounts|paths|auto");
  command.add_option("--trace", options.trace, "also trap these syscalls, so that their tracepoints fire")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAME[,NAME]|all");
  command.add_option("command", options.command, "the command and its arguments")
      ->required()
      ->type_name("CMD");
  // What follows CMD is CMD's, also where it looks like an option.
  command.positionals_at_end(true);
}

int run_command(const RunOptions& options) {
  supervisor::SupervisorOptions supervisor_options;
  supervisor_options.command = options.command;
  supervisor_options.kernel = options.kernel;
  if (options.files != "auto")
    supervisor_options.files =
        options.files == "mounts" ? supervisor::FileMode::kMounts : supervisor::FileMode::kPaths;
  if (auto traced = add_traced(options.trace, supervisor_options); !traced) return complain(traced.error());
  const Result<int> status = supervisor::Supervisor::run(supervisor_options);
  return status ? *status : complain(status.error());
}

}  // namespace skep::cli
