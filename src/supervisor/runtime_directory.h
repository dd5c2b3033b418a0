// The private directory of a running supervisor: "skep-UID-PID-XXXXXX" below $XDG_RUNTIME_DIR or /tmp.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace skep::supervisor {

// Makes it, mode 0700, and removes those that dead supervisors of this user left.
Result<std::string> make_runtime_directory();
void remove_tree(const std::string& directory);

struct RunningSupervisor {
  uint32_t pid = 0;
  std::string directory;
};
// Live supervisors of this user.
std::vector<RunningSupervisor> running_supervisors();

}  // namespace skep::supervisor
