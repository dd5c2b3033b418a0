// skep support-matrix: docs/support-matrix.md, made from the tables.
#include "syscall/support_matrix.h"

#include <fmt/format.h>

#include "cli/commands.h"

namespace skep::cli {

int support_matrix_command() {
  fmt::print("{}", syscall::support_matrix_markdown());
  return 0;
}

}  // namespace skep::cli
