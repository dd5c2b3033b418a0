#include "supervisor/outcome.h"

namespace skep::supervisor {

Outcome outcome_of_syscall(int64_t result) {
  return result < 0 ? Outcome::error(errno) : Outcome::returns(result);
}

}  // namespace skep::supervisor
