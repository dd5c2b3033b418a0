// What /proc (or pidfds, where they tell it faster) say about a thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "helpers/run_context.h"

namespace skep::supervisor {

// A whole small file. At most 64 KiB.
Result<std::string> read_small_file(const std::string& path);

// "Name:" line of /proc/TID/status, without the name and blanks. "" when there is none.
std::string status_field(const std::string& status, std::string_view name);

// tgid, effective uid and gid of a thread. ESRCH.
Result<helpers::TaskInfo> read_task(uint32_t tid);
void read_comm(uint32_t tid, char (&comm)[16]);

// Every process id in /proc.
std::vector<uint32_t> process_ids();
// False for a zombie and for no process at all: neither is in a control group.
bool is_running(uint32_t tgid);

}  // namespace skep::supervisor
