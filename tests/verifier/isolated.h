// Runs a function in a child process, so that a crash or a hang of it is a finding and not the end of the
// tests.
#pragma once

#include <functional>
#include <string>

namespace skep::testing {

struct Isolated {
  std::string answer;   // what the function returned; what came through before it died otherwise
  std::string failure;  // "" or how it ended: "killed by signal 11", "no answer within 20 s"
};
Isolated run_isolated(const std::function<std::string()>& function, int timeout_s = 20);

}  // namespace skep::testing
