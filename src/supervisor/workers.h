// Workers: threads that each receive a notification, serve it and answer it.
//
// No queue: whoever receives also serves. Some thread always waits in receive() (until kMaxWorkers serve at
// once), so the kernel hands over notifications at once also while other calls block.
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>

#include "supervisor/listener.h"

namespace skep::supervisor {

class Workers {
 public:
  using Serve = std::function<void(const Notification&)>;

  Workers(Listener& listener, Serve serve) : listener_(listener), serve_(std::move(serve)) {}
  ~Workers();  // stop() must have been called, or start() never

  void start();
  // Call when the listener has hung up. Returns when all threads have ended.
  void stop();

  int busy() const { return busy_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kMaxWorkers = 1024;
  static constexpr int kMaxIdle = 4;

  bool spawn();
  void run();

  Listener& listener_;
  Serve serve_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> idle_{0}, busy_{0};
  std::mutex mutex_;
  std::condition_variable ended_;
  std::set<pthread_t> threads_;  // guarded by mutex_; a thread leaves before it ends
};

// The signal that makes a blocked syscall of a worker return EINTR. Its handler does nothing.
int interrupt_signal();
void install_interrupt_signal();

}  // namespace skep::supervisor
