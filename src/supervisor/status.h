// `skep status`: a running supervisor tells what it holds, over a Unix socket in its runtime directory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skep::supervisor {

// Serves on the thread that calls process(), when fd() is readable.
class StatusServer {
 public:
  static Result<StatusServer> create(const std::string& runtime_directory);
  int fd() const { return socket_.get(); }
  // Answers every waiting peer with `text` and closes.
  void process(const std::function<std::string()>& text);

 private:
  UniqueFd socket_;
};

// What the supervisor `pid` answers: one JSON object. `pid` 0: that of this process's own tree, or the only
// one of this user. ENOENT with a line that says what to do when there is none, or more than one.
Result<std::string> query_status(uint32_t pid);

}  // namespace skep::supervisor
