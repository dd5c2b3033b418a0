// skep run: a command, and all that it starts, as clients of a supervisor.
#pragma once

#include <string>
#include <vector>

#include "objects/kernel.h"

namespace CLI {
class App;
}

namespace skep::cli {

struct RunOptions {
  objects::KernelOptions kernel;
  std::string files = "auto";        // mounts, paths or auto
  std::vector<std::string> trace;    // names of syscalls, or "all"
  std::vector<std::string> command;  // with its arguments
};

void add_run_options(CLI::App& command, RunOptions& options);

// The status of the command, 128 + N when signal N ended it; 1 with a line when it could not be run.
int run_command(const RunOptions& options);

}  // namespace skep::cli
