#include "supervisor/workers.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "base/check.h"

namespace skep::supervisor {

int interrupt_signal() { return SIGRTMIN + 6; }

void install_interrupt_signal() {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // no SA_RESTART: that is its whole purpose
  ::sigaction(interrupt_signal(), &action, nullptr);
}

Workers::~Workers() { SKEP_CHECK(threads_.empty()); }

void Workers::start() {
  install_interrupt_signal();
  while (!spawn()) ::usleep(1000);
}

bool Workers::spawn() {
  std::lock_guard lock(mutex_);
  if (threads_.size() >= kMaxWorkers) return false;
  // Signals to the process are the main thread's business.
  sigset_t all, before;
  ::sigfillset(&all);
  ::sigdelset(&all, interrupt_signal());
  // Faults of programs' probe loads are handled on the thread that runs them.
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) ::sigdelset(&all, fault);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  idle_.fetch_add(1);
  const int error = ::pthread_create(
      &thread, nullptr,
      [](void* self) -> void* {
        static_cast<Workers*>(self)->run();
        return nullptr;
      },
      this);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) {
    idle_.fetch_sub(1);
    return false;
  }
  ::pthread_detach(thread);
  threads_.insert(thread);
  return true;
}

void Workers::run() {
  while (!stopping_.load()) {
    const auto notification = listener_.receive();
    if (!notification) {
      if (notification.error().code == ENOTCONN) break;
      continue;
    }
    busy_.fetch_add(1);
    if (idle_.fetch_sub(1) == 1) spawn();
    serve_(*notification);
    busy_.fetch_sub(1);
    if (idle_.fetch_add(1) >= kMaxIdle) break;
  }
  idle_.fetch_sub(1);
  std::lock_guard lock(mutex_);
  threads_.erase(::pthread_self());
  ended_.notify_all();
}

void Workers::stop() {
  stopping_.store(true);
  std::unique_lock lock(mutex_);
  // Kernels before 6.11 leave a receiver asleep when the last client goes: the signal wakes it. It is sent again
  // since a thread may just be about to fall asleep.
  while (!threads_.empty()) {
    for (const pthread_t thread : threads_) ::pthread_kill(thread, interrupt_signal());
    ended_.wait_for(lock, std::chrono::milliseconds(5));
  }
}

}  // namespace skep::supervisor
