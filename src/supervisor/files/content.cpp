#include "supervisor/files/content.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace skep::supervisor {

Result<UniqueFd> content_fd(std::string_view text) {
  const UniqueFd writer(::memfd_create("skep-file", MFD_CLOEXEC));
  if (!writer) return fail_last();
  while (!text.empty()) {
    const ssize_t written = ::write(writer.get(), text.data(), text.size());
    if (written < 0) return fail_last();
    text.remove_prefix(static_cast<size_t>(written));
  }
  UniqueFd reader(::open(("/proc/self/fd/" + std::to_string(writer.get())).c_str(), O_RDONLY | O_CLOEXEC));
  if (!reader) return fail_last();
  return reader;
}

std::string read_file(const std::string& path) {
  std::string text;
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return text;
  char buffer[16384];
  for (ssize_t got; (got = ::read(file.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(got));
  return text;
}

}  // namespace skep::supervisor
