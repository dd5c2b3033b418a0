#include "syscall/call.h"

namespace skep::syscall {

Result<MapFd> get_map(Caller& caller, int fd) {
  FdObject found = SKEP_TRY(caller.object(fd));
  if (auto* map = std::get_if<Ref<maps::Map>>(&found.object)) return MapFd{std::move(*map), found.mode};
  return fail(EINVAL);
}

std::unexpected<Error> refuse_token(Caller& caller, int fd) {
  const auto found = caller.object(fd);
  return fail(!found && found.error().code == EBADF ? EBADF : EINVAL);
}

Result<FdMode> mode_of_flags(uint32_t flags) {
  const bool read_only = (flags & abi::BPF_F_RDONLY) != 0;
  const bool write_only = (flags & abi::BPF_F_WRONLY) != 0;
  if (read_only && write_only) return fail(EINVAL);
  return read_only ? FdMode::kReadOnly : write_only ? FdMode::kWriteOnly : FdMode::kReadWrite;
}

Result<std::string> object_name(const char (&name)[abi::BPF_OBJ_NAME_LEN]) {
  const size_t length = strnlen(name, sizeof(name));
  if (length == sizeof(name)) return fail(EINVAL);
  for (const char c : std::string_view(name, length)) {
    const bool ascii_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!ascii_alnum && c != '_' && c != '.') return fail(EINVAL);
  }
  return std::string(name, length);
}

Result<std::vector<std::byte>> read_bytes(Caller& caller, uint64_t address, size_t size) {
  std::vector<std::byte> bytes(size);
  if (size != 0) SKEP_TRY(caller.read(address, bytes));
  return bytes;
}

}  // namespace skep::syscall
