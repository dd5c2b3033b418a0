#include "supervisor/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"

namespace skep::supervisor {

namespace {

// The answer of PIDFD_GET_INFO (since 6.13), 64 bytes in its first version.
struct PidfdInfo {
  uint64_t mask;
  uint64_t cgroup_id;
  uint32_t pid, tgid, ppid;
  uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr unsigned long kPidfdGetInfo = _IOWR(0xff, 11, PidfdInfo);
constexpr uint64_t kInfoPid = 1, kInfoCreds = 2;
constexpr unsigned kPidfdThread = O_EXCL;

std::atomic<bool> pidfd_info_works{true};

Result<helpers::TaskInfo> read_task_by_pidfd(uint32_t tid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, tid, kPidfdThread)));
  if (!fd) return fail_last();
  PidfdInfo info{};
  info.mask = kInfoPid | kInfoCreds;
  if (::ioctl(fd.get(), kPidfdGetInfo, &info) != 0) return fail_last();
  if ((info.mask & (kInfoPid | kInfoCreds)) != (kInfoPid | kInfoCreds)) return fail(ENOTTY);
  return helpers::TaskInfo{.pid = tid, .tgid = info.tgid, .uid = info.euid, .gid = info.egid};
}

// The second number of "Uid:\t1000\t1000\t..." is the effective one.
uint32_t second_number(const std::string& text) {
  char* rest = nullptr;
  std::strtoul(text.c_str(), &rest, 10);
  return static_cast<uint32_t>(std::strtoul(rest, nullptr, 10));
}

Result<helpers::TaskInfo> read_task_by_status(uint32_t tid) {
  const auto status = read_small_file(fmt::format("/proc/{}/status", tid));
  if (!status) return fail(ESRCH);
  helpers::TaskInfo task{.pid = tid};
  task.tgid = static_cast<uint32_t>(std::strtoul(status_field(*status, "Tgid:").c_str(), nullptr, 10));
  task.uid = second_number(status_field(*status, "Uid:"));
  task.gid = second_number(status_field(*status, "Gid:"));
  if (task.tgid == 0) return fail(ESRCH);
  return task;
}

}  // namespace

Result<std::string> read_small_file(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_last();
  std::string text;
  char buffer[4096];
  while (text.size() < 65536) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0) return fail_last();
    if (count == 0) break;
    text.append(buffer, static_cast<size_t>(count));
  }
  return text;
}

std::string status_field(const std::string& status, std::string_view name) {
  size_t at = 0;
  while (at < status.size()) {
    size_t end = status.find('\n', at);
    if (end == std::string::npos) end = status.size();
    if (std::string_view(status).substr(at, name.size()) == name) {
      const size_t begin = status.find_first_not_of(" \t", at + name.size());
      return begin == std::string::npos || begin >= end ? "" : status.substr(begin, end - begin);
    }
    at = end + 1;
  }
  return "";
}

Result<helpers::TaskInfo> read_task(uint32_t tid) {
  if (pidfd_info_works.load(std::memory_order_relaxed)) {
    auto task = read_task_by_pidfd(tid);
    if (task || task.error().code == ESRCH) return task;
    pidfd_info_works.store(false, std::memory_order_relaxed);
  }
  return read_task_by_status(tid);
}

void read_comm(uint32_t tid, char (&comm)[16]) {
  std::memset(comm, 0, sizeof comm);
  const auto text = read_small_file(fmt::format("/proc/{}/comm", tid));
  if (!text) return;
  const size_t length = text->ends_with('\n') ? text->size() - 1 : text->size();
  std::memcpy(comm, text->data(), std::min(length, sizeof comm - 1));
}

std::vector<uint32_t> process_ids() {
  std::vector<uint32_t> ids;
  DIR* directory = ::opendir("/proc");
  if (directory == nullptr) return ids;
  while (const dirent* entry = ::readdir(directory))
    if (const unsigned long id = std::strtoul(entry->d_name, nullptr, 10); id != 0)
      ids.push_back(static_cast<uint32_t>(id));
  ::closedir(directory);
  return ids;
}

bool is_running(uint32_t tgid) {
  const auto stat = read_small_file("/proc/" + std::to_string(tgid) + "/stat");
  const size_t end_of_name = stat ? stat->rfind(") ") : std::string::npos;  // the name may hold anything
  if (end_of_name == std::string::npos || end_of_name + 2 >= stat->size()) return false;
  const char state = (*stat)[end_of_name + 2];
  return state != 'Z' && state != 'X';
}

}  // namespace skep::supervisor
