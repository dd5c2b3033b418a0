// TraceOutput: the text that trace_pipe shows: a bounded buffer of finished lines and the readers' pipes.
//
// A line goes to a reader that waits; without one it is kept, oldest dropped first, until somebody opens
// trace_pipe, as Linux's ring buffer does. Each line is consumed once. Thread-safe; print() never blocks.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skep::supervisor {

class TraceOutput {
 public:
  // `line` complete with prefix and newline.
  void print(std::string_view line);

  // A new reader, for an open of trace_pipe: the read end of a pipe, which the client gets. It receives what
  // is buffered now and what is printed from now on until it is closed.
  Result<UniqueFd> open_reader(bool nonblocking);

  // Hands buffered lines to readers whose pipes have room again. True while some line waits for a full one.
  bool flush();
  size_t reader_count();
  // What is buffered, without consuming it: the body of the `trace` file.
  std::string snapshot();

 private:
  void flush_locked();

  std::mutex mutex_;
  std::deque<std::string> lines_;
  size_t buffered_bytes_ = 0;
  std::vector<UniqueFd> readers_;
};

}  // namespace skep::supervisor
