// epoll_ctl(2) on the fd of a map that signals data (ring buffers). The fd in the client is a memfd, which
// epoll refuses; in its place the map's own eventfd goes into the client's epoll instance, put there from
// outside.
//
// It is registered edge-triggered: the client never reads the eventfd, so a level would never fall. Linux's
// level
// ("the ring has data") and our edge ("data came") differ for a client that leaves records in the ring
// and waits again; libbpf drains the ring on each event. Data that is there already at ADD gives one event.
#include <sys/epoll.h>

#include "supervisor/client_caller.h"
#include "supervisor/handlers.h"
#include "supervisor/supervisor.h"

namespace skep::supervisor {

Outcome handle_epoll_ctl(Supervisor& supervisor, Client& client) {
  if (supervisor.kernel().maps().size() == 0) return Outcome::proceed();
  const auto object = client_object(supervisor, client, client.fd_arg(2));
  if (!object) return Outcome::proceed();
  const auto* map = std::get_if<Ref<maps::Map>>(&object->object);
  if (map == nullptr) return Outcome::error(EPERM);
  const auto wakeup = (*map)->wakeup_fd();
  if (!wakeup) return Outcome::error(wakeup.error().code);

  const int operation = static_cast<int>(client.arg(1));
  epoll_event event{};
  if (operation != EPOLL_CTL_DEL) {
    const auto given = client.read_object<epoll_event>(client.arg(3));
    if (!given) return Outcome::error(EFAULT);
    event = *given;
    event.events |= EPOLLET;
  }
  const auto epoll = client.duplicate_fd(client.fd_arg(0));
  if (!epoll) return Outcome::error(epoll.error().code);
  return outcome_of_syscall(::epoll_ctl(epoll->get(), operation, *wakeup, &event));
}

}  // namespace skep::supervisor
