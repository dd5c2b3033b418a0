// The handlers that rows of traps.def name, one file for each family.
#pragma once

#include "supervisor/client.h"
#include "supervisor/outcome.h"

namespace skep::supervisor {

class Supervisor;

// bpf_call.cpp
Outcome handle_bpf(Supervisor& supervisor, Client& client);
// perf_calls.cpp
Outcome handle_perf_event_open(Supervisor& supervisor, Client& client);
Outcome handle_perf_ioctl(Supervisor& supervisor, Client& client);
// epoll_call.cpp
Outcome handle_epoll_ctl(Supervisor& supervisor, Client& client);
// task_calls.cpp
Outcome handle_fork(Supervisor& supervisor, Client& client);
// limit_calls.cpp
Outcome handle_lock_limit(Supervisor& supervisor, Client& client);
// sockets/
Outcome handle_socket(Supervisor& supervisor, Client& client);
Outcome handle_bind(Supervisor& supervisor, Client& client);
Outcome handle_connect(Supervisor& supervisor, Client& client);
Outcome handle_socket_name(Supervisor& supervisor, Client& client);  // getsockname, getpeername
Outcome handle_sendto(Supervisor& supervisor, Client& client);
Outcome handle_sendmsg(Supervisor& supervisor, Client& client);
Outcome handle_sendmmsg(Supervisor& supervisor, Client& client);
Outcome handle_recvfrom(Supervisor& supervisor, Client& client);
Outcome handle_recvmsg(Supervisor& supervisor, Client& client);
Outcome handle_recvmmsg(Supervisor& supervisor, Client& client);
Outcome handle_setsockopt(Supervisor& supervisor, Client& client);
Outcome handle_getsockopt(Supervisor& supervisor, Client& client);
// files/
Outcome handle_files(Supervisor& supervisor, Client& client);

}  // namespace skep::supervisor
