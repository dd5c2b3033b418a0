#include "supervisor/listener.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "abi/seccomp.h"

namespace skep::supervisor {

namespace {

bool has_hung_up(int fd) {
  pollfd poll_fd{fd, 0, 0};
  return ::poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLHUP) != 0;
}

}  // namespace

Listener::Listener(UniqueFd fd) : fd_(std::move(fd)) {
  // Since 6.6; without it a trap costs a little more and nothing else changes.
  ::ioctl(fd_.get(), abi::SECCOMP_IOCTL_NOTIF_SET_FLAGS, abi::SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

Result<Notification> Listener::receive() {
  abi::seccomp_notif raw{};
  if (::ioctl(fd_.get(), abi::SECCOMP_IOCTL_NOTIF_RECV, &raw) != 0) {
    if (errno == EINTR) return fail(EINTR);
    return fail(has_hung_up(fd_.get()) ? ENOTCONN : ENOENT);
  }
  Notification notification{raw.id, raw.pid, raw.data.nr, {}};
  for (int i = 0; i < 6; ++i) notification.args[i] = raw.data.args[i];
  return notification;
}

bool Listener::reply_with_fd(uint64_t id, const Outcome& outcome) {
  abi::seccomp_notif_addfd request{};
  request.id = id;
  request.flags = abi::SECCOMP_ADDFD_FLAG_SEND;
  request.srcfd = static_cast<uint32_t>(outcome.fd.get());
  request.newfd_flags = outcome.close_on_exec ? O_CLOEXEC : 0;
  if (::ioctl(fd_.get(), abi::SECCOMP_IOCTL_NOTIF_ADDFD, &request) >= 0) return true;
  if (errno == ENOENT) return false;
  // The client's table is full (EMFILE), or the kernel is older than 5.14 and has no SEND.
  if (errno != EINVAL) return reply(id, Outcome::error(errno));
  const auto number = add_fd(id, outcome.fd.get(), outcome.close_on_exec);
  return reply(id, number ? Outcome::returns(*number) : Outcome::error(number.error().code));
}

bool Listener::reply(uint64_t id, Outcome outcome) {
  if (outcome.kind == Outcome::Kind::kFd) return reply_with_fd(id, outcome);
  abi::seccomp_notif_resp response{};
  response.id = id;
  if (outcome.kind == Outcome::Kind::kContinue) response.flags = abi::SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  if (outcome.kind == Outcome::Kind::kValue) response.val = outcome.value;
  if (outcome.kind == Outcome::Kind::kError) response.error = -static_cast<int32_t>(outcome.value);
  return ::ioctl(fd_.get(), abi::SECCOMP_IOCTL_NOTIF_SEND, &response) == 0;
}

bool Listener::valid(uint64_t id) const {
  return ::ioctl(fd_.get(), abi::SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

Result<int> Listener::add_fd(uint64_t id, int fd, bool close_on_exec, int client_fd) {
  abi::seccomp_notif_addfd request{};
  request.id = id;
  request.srcfd = static_cast<uint32_t>(fd);
  request.newfd_flags = close_on_exec ? O_CLOEXEC : 0;
  if (client_fd >= 0) {
    request.flags = abi::SECCOMP_ADDFD_FLAG_SETFD;
    request.newfd = static_cast<uint32_t>(client_fd);
  }
  const int number = ::ioctl(fd_.get(), abi::SECCOMP_IOCTL_NOTIF_ADDFD, &request);
  if (number < 0) return fail_last();
  return number;
}

}  // namespace skep::supervisor
