// Workers: threads that receive a notification, serve it and answer it.
//
// One thread at a time has the role of the receiver: it receives and serves, call after call, so that short
// calls stay on one warm thread (several receivers take turns, which costs twice as much a call). It gives
// the role to a parked thread before it does something long (step_aside), and a parked thread takes the role
// away from one that has not come back in time. So notifications are received at once also while other calls
// block.
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
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

  // From inside a call that may take long or block: lets another thread receive meanwhile. False when so many
  // calls block already that there must be no more: a call without an end shall fail with EAGAIN then.
  bool step_aside();

  int busy() const { return busy_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kMaxWorkers = 1024;
  static constexpr size_t kMaxParked = 4;
  static constexpr size_t kReserve = 16;  // threads that are never left to calls that block

  bool spawn_locked();
  void run();
  // Waits for the role. False: this thread shall end.
  bool park();
  void receive_while_in_role(uint64_t role);
  void pass_role_locked();

  Listener& listener_;
  Serve serve_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> busy_{0};
  // Who is the receiver: a number that is new each time the role changes hands; 0: nobody.
  std::atomic<uint64_t> role_{0};
  std::atomic<uint64_t> received_{0};  // calls begun
  std::atomic<bool> serving_{false};   // the receiver is in a call
  std::mutex mutex_;
  std::condition_variable vacant_, ended_;
  uint64_t last_role_ = 0;       // guarded by mutex_
  size_t parked_ = 0;            // guarded by mutex_
  std::set<pthread_t> threads_;  // guarded by mutex_; a thread leaves before it ends
};

// The signal that makes a blocked syscall of a worker return EINTR. Its handler does nothing.
int interrupt_signal();
void install_interrupt_signal();

}  // namespace skep::supervisor
