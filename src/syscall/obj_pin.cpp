// OBJ_PIN, OBJ_GET: names in the BPF file system.
#include <fcntl.h>

#include "syscall/handlers.h"

namespace skep::syscall {
namespace {

constexpr size_t kPathLimit = 4096;

Result<int> directory_of(const abi::obj_attr& attr) {
  if ((attr.file_flags & abi::BPF_F_PATH_FD) != 0) return attr.path_fd;
  if (attr.path_fd != 0) return fail(EINVAL);
  return AT_FDCWD;
}

Result<std::string> read_path(Caller& caller, uint64_t address) {
  std::string path = SKEP_TRY(caller.read_string(address, kPathLimit));
  if (path.size() >= kPathLimit) return fail(ENAMETOOLONG);
  if (path.empty()) return fail(ENOENT);
  return path;
}

bool may_be_pinned(const objects::Object& object) {
  return std::holds_alternative<Ref<maps::Map>>(object) ||
         std::holds_alternative<Ref<objects::Program>>(object) ||
         std::holds_alternative<Ref<objects::Link>>(object);
}

}  // namespace

Result<int64_t> obj_pin(Call& call) {
  const auto attr = call.as<abi::obj_attr>();
  if ((attr.file_flags & ~uint32_t{abi::BPF_F_PATH_FD}) != 0) return fail(EINVAL);
  const int directory = SKEP_TRY(directory_of(attr));
  // Linux tries one kind after the other and answers the same to whatever is none of them.
  const auto found = call.caller.object(static_cast<int>(attr.bpf_fd));
  if (!found || !may_be_pinned(found->object)) return fail(EINVAL);
  SKEP_TRY(call.caller.pin(directory, SKEP_TRY(read_path(call.caller, attr.pathname)), found->object));
  return 0;
}

Result<int64_t> obj_get(Call& call) {
  const auto attr = call.as<abi::obj_attr>();
  constexpr uint32_t kKnown = abi::BPF_F_RDONLY | abi::BPF_F_WRONLY | abi::BPF_F_PATH_FD;
  if (attr.bpf_fd != 0 || (attr.file_flags & ~kKnown) != 0) return fail(EINVAL);
  const int directory = SKEP_TRY(directory_of(attr));
  const FdMode mode = SKEP_TRY(mode_of_flags(attr.file_flags));
  const FdObject found =
      SKEP_TRY(call.caller.get_pinned(directory, SKEP_TRY(read_path(call.caller, attr.pathname))));
  const bool map = std::holds_alternative<Ref<maps::Map>>(found.object);
  if (!map && mode != FdMode::kReadWrite) return fail(EINVAL);
  return SKEP_TRY(call.caller.install(found.object, mode));
}

}  // namespace skep::syscall
