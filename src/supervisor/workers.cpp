#include "supervisor/workers.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>

#include "base/check.h"

namespace skep::supervisor {

namespace {

using std::chrono::milliseconds;

// How long a call may hold up others before a parked thread takes over; looked at seldom while nothing
// happens.
constexpr milliseconds kPatience{2}, kIdlePatience{50};

// The role that this thread believes to have; 0 when it gave it away.
thread_local uint64_t own_role = 0;

}  // namespace

int interrupt_signal() { return SIGRTMIN + 6; }

void install_interrupt_signal() {
  struct sigaction action{};
  action.sa_handler = [](int) {};  // no SA_RESTART: that is its whole purpose
  ::sigaction(interrupt_signal(), &action, nullptr);
}

Workers::~Workers() { SKEP_CHECK(threads_.empty()); }

void Workers::start() {
  install_interrupt_signal();
  std::lock_guard lock(mutex_);
  while (threads_.size() < 2)
    if (!spawn_locked()) ::usleep(1000);
}

bool Workers::spawn_locked() {
  if (threads_.size() >= kMaxWorkers) return false;
  // Signals to the process are the main thread's business; faults of programs' probe loads are handled on the
  // thread that runs them.
  sigset_t blocked, before;
  ::sigfillset(&blocked);
  for (const int number : {interrupt_signal(), SIGSEGV, SIGBUS, SIGFPE, SIGILL})
    ::sigdelset(&blocked, number);
  ::pthread_sigmask(SIG_SETMASK, &blocked, &before);
  pthread_t thread;
  const auto entry = [](void* self) -> void* {
    static_cast<Workers*>(self)->run();
    return nullptr;
  };
  const int error = ::pthread_create(&thread, nullptr, entry, this);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return false;
  ::pthread_detach(thread);
  threads_.insert(thread);
  return true;
}

void Workers::pass_role_locked() {
  role_.store(0);
  if (parked_ == 0) spawn_locked();
  vacant_.notify_one();
}

bool Workers::step_aside() {
  std::lock_guard lock(mutex_);
  if (threads_.size() + kReserve > kMaxWorkers) return false;
  if (own_role != 0 && role_.load() == own_role) pass_role_locked();
  own_role = 0;
  return true;
}

bool Workers::park() {
  std::unique_lock lock(mutex_);
  if (parked_ >= kMaxParked) return false;
  ++parked_;
  milliseconds patience = kIdlePatience;
  uint64_t seen = received_.load();
  while (!stopping_.load() && role_.load() != 0) {
    const bool woken = vacant_.wait_for(lock, patience) == std::cv_status::no_timeout;
    const uint64_t received = received_.load();
    // The same call still runs: its thread keeps it, and loses the role.
    if (!woken && received == seen && serving_.load() && role_.load() != 0) role_.store(0);
    patience = received == seen && !serving_.load() ? kIdlePatience : kPatience;
    seen = received;
  }
  --parked_;
  if (stopping_.load()) return false;
  own_role = ++last_role_;
  serving_.store(false);
  role_.store(own_role);
  // Somebody must be left to watch this thread.
  if (parked_ == 0) spawn_locked();
  return true;
}

void Workers::receive_while_in_role(uint64_t role) {
  while (!stopping_.load() && role_.load() == role) {
    const auto notification = listener_.receive();
    if (!notification) {
      if (notification.error().code == ENOTCONN) stopping_.store(true);
      continue;
    }
    received_.fetch_add(1);
    serving_.store(true);
    busy_.fetch_add(1);
    serve_(*notification);
    busy_.fetch_sub(1);
    if (role_.load() == role) serving_.store(false);
  }
}

void Workers::run() {
  while (park()) receive_while_in_role(own_role);
  std::lock_guard lock(mutex_);
  threads_.erase(::pthread_self());
  ended_.notify_all();
}

void Workers::stop() {
  stopping_.store(true);
  std::unique_lock lock(mutex_);
  vacant_.notify_all();
  // Kernels before 6.11 leave a receiver asleep when the last client goes: the signal wakes it. It is sent
  // again since a thread may just be about to fall asleep.
  while (!threads_.empty()) {
    for (const pthread_t thread : threads_) ::pthread_kill(thread, interrupt_signal());
    ended_.wait_for(lock, milliseconds(5));
  }
}

}  // namespace skep::supervisor
