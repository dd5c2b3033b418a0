#include "supervisor/blocking.h"

#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <cstdlib>

#include "supervisor/proc.h"
#include "supervisor/workers.h"

namespace skep::supervisor {

namespace {

constexpr auto kPeriod = std::chrono::milliseconds(5);

uint64_t signal_set(const std::string& status, std::string_view name) {
  return std::strtoull(status_field(status, name).c_str(), nullptr, 16);
}

}  // namespace

bool has_signal(Client& client) {
  const auto status = read_small_file(client.proc("status"));
  if (!status) return true;
  uint64_t pending = signal_set(*status, "SigPnd:");
  const auto tgid = client.tgid();
  if (tgid && *tgid == client.tid()) pending |= signal_set(*status, "ShdPnd:");
  return (pending & ~signal_set(*status, "SigBlk:")) != 0;
}

BlockedCalls::~BlockedCalls() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (watcher_.joinable()) watcher_.join();
}

void BlockedCalls::watch() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (entries_.empty()) {
      changed_.wait(lock);
      continue;
    }
    for (Entry& entry : entries_) {
      entry.interrupted = entry.interrupted || !entry.client->alive() || has_signal(*entry.client);
      // Again and again: the worker may not have entered its syscall yet.
      if (entry.interrupted) ::pthread_kill(entry.worker, interrupt_signal());
    }
    changed_.wait_for(lock, kPeriod);
  }
}

BlockingCall::BlockingCall(BlockedCalls& calls, Client& client) : calls_(calls) {
  std::lock_guard lock(calls_.mutex_);
  // Asked before the watcher may ask: Client is not for two threads at once, but for what it remembers.
  (void)client.tgid();
  if (!calls_.watcher_.joinable()) calls_.watcher_ = std::thread([&calls] { calls.watch(); });
  entry_ = calls_.entries_.insert(calls_.entries_.end(), {::pthread_self(), &client});
  calls_.changed_.notify_all();
}

BlockingCall::~BlockingCall() {
  std::lock_guard lock(calls_.mutex_);
  calls_.entries_.erase(entry_);
}

bool BlockingCall::interrupted() const {
  std::lock_guard lock(calls_.mutex_);
  return entry_->interrupted;
}

}  // namespace skep::supervisor
