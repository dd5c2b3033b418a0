#include "btf/vmlinux.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "base/unique_fd.h"

namespace skep::btf {

Result<Ref<const Btf>> load_file(const char* path, const ParseOptions& options) {
  const UniqueFd file(::open(path, O_RDONLY | O_CLOEXEC));
  if (!file) return fail_last();
  struct stat status;
  if (::fstat(file.get(), &status) != 0) return fail_last();
  if (status.st_size < 0 || static_cast<uint64_t>(status.st_size) > abi::BTF_MAX_SIZE) return fail(E2BIG);
  std::vector<std::byte> bytes(static_cast<size_t>(status.st_size));
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_last();
    if (got == 0) return fail(EIO);
    filled += static_cast<size_t>(got);
  }
  return Btf::parse(bytes, options);
}

Result<Ref<const Btf>> vmlinux() {
  static const auto kept = [] { return load_file("/sys/kernel/btf/vmlinux", {.from_kernel = true}); }();
  return kept;
}

}  // namespace skep::btf
