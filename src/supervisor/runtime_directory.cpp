#include "supervisor/runtime_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace skep::supervisor {

namespace {

// Thousands of small files are made at each start: a file system in memory does that fifty times faster than
// a disk.
std::string base_directory() {
  for (const char* candidate : {static_cast<const char*>(::getenv("XDG_RUNTIME_DIR")), "/dev/shm"})
    if (candidate != nullptr && *candidate == '/' && ::access(candidate, W_OK | X_OK) == 0) return candidate;
  return "/tmp";
}

std::string name_prefix() { return fmt::format("skep-{}-", ::getuid()); }

// All directories of this user's supervisors, dead or alive.
std::vector<RunningSupervisor> all_directories() {
  std::vector<RunningSupervisor> found;
  const std::string base = base_directory(), prefix = name_prefix();
  DIR* directory = ::opendir(base.c_str());
  if (directory == nullptr) return found;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (!name.starts_with(prefix)) continue;
    struct stat status;
    const std::string path = base + "/" + name;
    // Anybody may make names in /tmp: only directories of ours count.
    if (::lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != ::getuid())
      continue;
    const auto pid = static_cast<uint32_t>(::strtoul(name.c_str() + prefix.size(), nullptr, 10));
    if (pid != 0) found.push_back({pid, path});
  }
  ::closedir(directory);
  return found;
}

bool is_alive(uint32_t pid) { return ::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM; }

}  // namespace

void remove_tree(const std::string& directory) {
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
}

Result<std::string> make_runtime_directory() {
  for (const RunningSupervisor& old : all_directories())
    if (!is_alive(old.pid)) remove_tree(old.directory);
  std::string path = fmt::format("{}/{}{}-XXXXXX", base_directory(), name_prefix(), ::getpid());
  if (::mkdtemp(path.data()) == nullptr) return fail(errno, "cannot make a directory in " + base_directory());
  return path;
}

std::vector<RunningSupervisor> running_supervisors() {
  std::vector<RunningSupervisor> found = all_directories();
  std::erase_if(found, [](const RunningSupervisor& entry) { return !is_alive(entry.pid); });
  return found;
}

}  // namespace skep::supervisor
