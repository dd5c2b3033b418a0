// SpinGuard: a lock of one flag for a few dozen instructions; yields when the holder was scheduled out.
#pragma once

#include <sched.h>

#include <atomic>

namespace skep::maps {

class SpinGuard {
 public:
  explicit SpinGuard(std::atomic<bool>& flag) : flag_(flag) {
    for (int tries = 0; flag_.exchange(true, std::memory_order_acquire); ++tries)
      if (tries > 50) sched_yield();
  }
  ~SpinGuard() { flag_.store(false, std::memory_order_release); }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;

 private:
  std::atomic<bool>& flag_;
};

}  // namespace skep::maps
