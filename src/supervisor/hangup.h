// HangupWatch: calls back once when the last copy of an fd that a client holds is gone.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skep::supervisor {

// Thread-safe. The host polls event_fd() and calls process() when it is readable.
class HangupWatch {
 public:
  HangupWatch();

  // The fd to hand out; `closed` runs on the thread that calls process().
  Result<UniqueFd> make_fd(std::function<void()> closed);
  int event_fd() const { return epoll_.get(); }
  void process();
  size_t size();

 private:
  struct Watched {
    UniqueFd fd;
    std::function<void()> closed;
  };

  UniqueFd epoll_;
  std::mutex mutex_;
  std::vector<Watched> watched_;
};

}  // namespace skep::supervisor
