#include "supervisor/hangup.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

#include "base/check.h"

namespace skep::supervisor {

namespace {

bool has_no_reader(int writer) {
  pollfd asked = {writer, 0, 0};
  return ::poll(&asked, 1, 0) == 1 && (asked.revents & POLLERR) != 0;
}

}  // namespace

HangupWatch::HangupWatch() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) { SKEP_CHECK(epoll_); }

Result<UniqueFd> HangupWatch::make_fd(std::function<void()> closed) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_last();
  UniqueFd theirs(ends[0]), ours(ends[1]);
  std::lock_guard lock(mutex_);
  epoll_event event{};  // no events asked for: only the error that a pipe without readers is
  event.data.fd = ours.get();
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, ours.get(), &event) != 0) return fail_last();
  watched_.push_back({std::move(ours), std::move(closed)});
  return theirs;
}

void HangupWatch::process() {
  epoll_event events[16];
  const int count = ::epoll_wait(epoll_.get(), events, 16, 0);
  for (int i = 0; i < count; ++i) {
    std::function<void()> closed;
    {
      std::lock_guard lock(mutex_);
      const auto found = std::ranges::find_if(
          watched_, [&](const Watched& entry) { return entry.fd.get() == events[i].data.fd; });
      // Two threads may get one event; by the time of the second the number may stand for another pipe.
      if (found == watched_.end() || !has_no_reader(found->fd.get())) continue;
      closed = std::move(found->closed);
      watched_.erase(found);
    }
    closed();
  }
}

size_t HangupWatch::size() {
  std::lock_guard lock(mutex_);
  return watched_.size();
}

}  // namespace skep::supervisor
