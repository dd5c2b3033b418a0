// Whether a memfd of a map is mapped writable by somebody else: what freezing has to know.
//
// The system has no question for it that leaves our own writable mapping in place, so /proc/PID/maps of the
// clients is read. The host says which processes are clients; our own process is always looked at, for maps
// whose clients live in it (libskep).
#pragma once

#include <sys/types.h>

#include <functional>
#include <vector>

namespace skep::maps {

// Called on each freeze of a mappable map, from any thread.
using ClientLister = std::function<std::vector<pid_t>()>;
void set_client_lister(ClientLister lister);

// `ours` is the address of the mapping that does not count.
bool clients_map_writable(int memfd, const void* ours);

}  // namespace skep::maps
