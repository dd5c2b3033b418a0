// bpf(2) of a client.
#include "abi/bpf.h"
#include "supervisor/client_caller.h"
#include "supervisor/handlers.h"
#include "supervisor/supervisor.h"
#include "syscall/bpf.h"

namespace skep::supervisor {

namespace {

// Commands on one element of a map are over in microseconds; any other may verify, run or copy at length.
bool is_short(uint32_t command) {
  return command >= abi::BPF_MAP_LOOKUP_ELEM && command <= abi::BPF_MAP_GET_NEXT_KEY;
}

}  // namespace

Outcome handle_bpf(Supervisor& supervisor, Client& client) {
  if (!is_short(static_cast<uint32_t>(client.arg(0)))) {
    supervisor.workers().step_aside();
    // What clients closed, unlinked or moved just before this call must have happened.
    supervisor.broker().process_events();
    supervisor.files().settle();
  }
  ClientCaller caller(supervisor, client);
  const auto result =
      syscall::bpf(supervisor.kernel(), supervisor.attachments(), caller, static_cast<int>(client.arg(0)),
                   client.arg(1), static_cast<uint32_t>(client.arg(2)));
  return Outcome::of(result);
}

Outcome handle_files(Supervisor& supervisor, Client& client) { return supervisor.files().handle(client); }

}  // namespace skep::supervisor
