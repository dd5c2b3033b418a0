// skep status: the counts of a running supervisor.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "supervisor/status.h"

namespace skep::cli {

int status_command(const StatusOptions& options) {
  const Result<std::string> status = supervisor::query_status(options.pid);
  if (!status) return complain(status.error());
  fmt::print("{}\n", *status);
  return 0;
}

}  // namespace skep::cli
