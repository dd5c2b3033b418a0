// BlockedCalls: lets a worker perform a blocking syscall for a client without outliving the client's
// patience.
//
// While a BlockingCall lives, a watcher thread looks every few milliseconds whether the client is gone or has
// a signal to handle, and then interrupts the worker's syscall (EINTR). The watcher sleeps while nobody
// blocks.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "supervisor/client.h"

namespace skep::supervisor {

// Signals wait that the thread itself will take once its syscall returns. Those sent to the process go to the
// main thread by preference, so only there do they count: a syscall must not be told to restart in a thread
// that then has no signal to handle.
bool has_signal(Client& client);

class BlockedCalls {
 public:
  ~BlockedCalls();

 private:
  friend class BlockingCall;

  struct Entry {
    pthread_t worker;
    Client* client;
    bool interrupted = false;
  };

  void watch();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Entry> entries_;
  std::thread watcher_;  // started with the first blocked call
  bool stopping_ = false;
};

// Scope of one blocking syscall.
class BlockingCall {
 public:
  BlockingCall(BlockedCalls& calls, Client& client);
  ~BlockingCall();
  BlockingCall(const BlockingCall&) = delete;
  BlockingCall& operator=(const BlockingCall&) = delete;

  // True when an EINTR was ours to cause: the client has a signal, or is gone.
  bool interrupted() const;

 private:
  BlockedCalls& calls_;
  std::list<BlockedCalls::Entry>::iterator entry_;
};

// The kernel's ERESTARTSYS: the client's syscall is begun again after the handler, or fails with EINTR, as
// its sigaction says.
inline constexpr int kRestartSyscall = 512;

}  // namespace skep::supervisor
