// Files of /proc whose contents differ in the virtual kernel: mounts, cgroup membership, fdinfo of objects,
// symbols, and the switches of /proc/sys that concern BPF. One row a file.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "supervisor/client.h"
#include "supervisor/files/virtual_files.h"

namespace skep::supervisor {

// Opens `absolute` when it is one of these files; nullopt otherwise, and for writes that the real file
// shall refuse or take itself.
std::optional<Result<UniqueFd>> open_proc_file(const FileServices& services, Client& client,
                                               const std::string& absolute, int flags);

}  // namespace skep::supervisor
